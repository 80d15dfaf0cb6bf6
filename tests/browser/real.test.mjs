// @ts-check
// Films from a camera and from an animator's desk, added while the cinema is open.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  DESKTOP,
  film,
  observe,
  opened,
  panel,
  paymentRequest,
  picture,
  play,
  playedTo,
} from "./browser.mjs";
import { openSite } from "./site.mjs";

const [browser, site] = await opened(openSite({ film: false }));

/**
 * Adds a film, waits for it on the storefront, goes to it by hand.
 *
 * @param {import("../../player/node_modules/playwright-core").Page} page
 * @param {string} file @param {{ name: string, preview: number }} settings
 */
async function goTo(page, file, settings) {
  await page.goto(site.url);
  const id = await site.add(file, settings);
  const link = page.locator(`[data-title="${id}"] a`).last();
  while ((await link.count()) === 0) await page.reload();
  await link.click();
  await page.locator("media-play-button.big").waitFor();
}

/** @param {import("../../player/node_modules/playwright-core").Page} page */
async function buy(page) {
  await (await panel(page)).getByRole("button", { name: /Watch for 100/ }).click();
  await site.payQuickly(await paymentRequest(page));
}

test("a street without sound: its free start, then all of it", async () => {
  const context = await browser.newContext(DESKTOP);
  const page = await context.newPage();
  const seen = observe(context, site.url);
  await goTo(page, "bikes.mp4", { name: "Bikes", preview: 2 });
  await play(page);
  await panel(page);
  const stopped = await film(page);
  assert.ok(stopped.time < 5 && stopped.frames > 10, JSON.stringify(stopped));
  await buy(page);
  await playedTo(page, stopped.time + 2);
  const went = await film(page);
  assert.ok(went.frames > stopped.frames + 20);
  await picture(page, "real-film-desktop-light");
  await context.close();
  seen.assertClean();
});

test("an animated film whose first segment is longer than its free start", async () => {
  const context = await browser.newContext({ ...DESKTOP, colorScheme: "dark" });
  const page = await context.newPage();
  await goTo(page, "bigbuckbunny.mp4", { name: "Big Buck Bunny", preview: 1 });
  await play(page);
  await buy(page);
  await playedTo(page, 3);
  assert.ok((await film(page)).frames > 50);
  await picture(page, "animated-film-desktop-dark");
  await context.close();
});
