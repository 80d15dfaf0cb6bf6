// @ts-check
// A broadcast as its viewers meet it: waited for, seen for free, bought in place, played at the live
// edge, and going on whatever is killed meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESKTOP, PHONE, observe, opened, panel, paymentRequest, picture } from "./browser.mjs";
import { behind, openStation } from "./station.mjs";

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

/** Nothing that is live is farther behind than this. */
const WINDOW_MS = 20_000;

const [browser, station] = await opened(
  openStation({ preview_s: 6, description: "Every evening.", grace_s: 60 }),
);

/** @param {object} [options] */
async function open(options = { ...DESKTOP, colorScheme: "dark" }) {
  const context = await browser.newContext(options);
  const seen = observe(context, station.url);
  const page = await context.newPage();
  await page.goto(station.page);
  return { context, page, seen };
}

/** Waits until the picture has moved on by so much. @param {Page} page @param {number} seconds */
async function moves(page, seconds) {
  const from = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
  await page.waitForFunction(
    ({ from, seconds }) => (document.querySelector("video")?.currentTime ?? 0) >= from + seconds,
    { from, seconds },
    { polling: 50, timeout: 30_000 },
  );
}

/** The median of some looks at the picture. @param {Page} page */
async function latency(page) {
  const looks = [];
  for (let look = 0; look < 15; look++) {
    await moves(page, 0.1);
    looks.push(await behind(page));
  }
  looks.sort((a, b) => a - b);
  return looks[7] ?? Infinity;
}

/** Requests to media fail while a server is replaced by another: the browser says so, the page does not. */
const cutOff = (/** @type {string} */ text) =>
  /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|net::ERR|402|403|404|503/.test(
    text,
  );

test("a page counts down, and begins by itself", async () => {
  const starts_at = new Date(Date.now() + 26.5 * 3600_000).toISOString();
  await station.studio("PATCH", "/channels/news", { starts_at });
  const { page, context, seen } = await open();
  await page.getByText("in 1 day 2 h").waitFor();
  await picture(page, "live-waiting-desktop");
  const phone = await open({ ...PHONE, colorScheme: "dark" });
  await phone.page.getByText("in 1 day 2 h").waitFor();
  await picture(phone.page, "live-waiting-phone");
  await phone.context.close();
  await station.studio("PATCH", "/channels/news", { starts_at: null });
  const publisher = station.publish();
  await page.locator("media-controller.player").waitFor({ timeout: 30_000 });
  seen.assertClean();
  await context.close();
  await publisher.kill();
});

test("the free part, the payment in place, the live edge, and kill -9 of everything", async (t) => {
  const publisher = station.publish();
  const { page, context, seen } = await open();
  await page.locator("media-controller.player").waitFor({ timeout: 30_000 });
  await moves(page, 0.5);
  await picture(page, "live-free-desktop");
  const sheet = await panel(page);
  assert.equal(await page.evaluate(() => document.querySelector("video")?.paused), true);
  await picture(page, "live-panel-desktop");
  await sheet.getByRole("button", { name: /^Watch for/ }).click();
  await station.pay(await paymentRequest(page));
  await page.locator("dialog.sheet[open]").waitFor({ state: "detached" });
  await moves(page, 3);
  await picture(page, "live-playing-desktop");
  const before = await latency(page);
  t.diagnostic(`behind: ${before} ms (median of 15 looks at the picture)`);
  assert.ok(before < WINDOW_MS);

  // The page is the same all the while.
  await page.evaluate(() => Object.assign(window, { same: true }));
  await station.restartServer();
  await moves(page, 4);
  t.diagnostic(`behind after kill -9 of the server: ${await latency(page)} ms`);

  await publisher.kill();
  await page.getByText("Back in a moment.").waitFor({ timeout: 30_000 });
  await picture(page, "live-moment-desktop");
  const again = station.publish();
  await moves(page, 4);
  assert.equal(await page.getByText("Back in a moment.").count(), 0);
  t.diagnostic(`behind after kill -9 of the publisher: ${await latency(page)} ms`);
  await page.getByText(/^\+\d+ s for the outage$/).waitFor();
  await picture(page, "live-credit-desktop");
  const yours = await context.newPage();
  await yours.goto(`${station.url}/purchases`);
  await yours.getByText(/^\+\d+ s for the outage$/).waitFor();
  await picture(yours, "live-credit-purchases");
  await yours.close();

  await station.restartTranscoder();
  await again.kill();
  const third = station.publish();
  await moves(page, 4);
  t.diagnostic(`behind after kill -9 of the transcoder: ${await latency(page)} ms`);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).same), true);
  assert.equal(await page.locator(".note:visible").count(), 0, "nobody is told of a fault");
  assert.deepEqual(
    seen.errors.filter((text) => !cutOff(text)),
    [],
  );
  assert.deepEqual(seen.strangers, []);

  // What was bought stays bought: the same browser, another visit.
  const second = await context.newPage();
  await second.goto(station.page);
  await second.locator("media-controller.player").waitFor();
  await moves(second, 1);
  assert.equal(await second.locator("dialog.sheet[open]").count(), 0);
  const shown = await station.studio("GET", "/channels/news");
  assert.ok(shown.broadcast.viewers >= 1, JSON.stringify(shown));
  await second.close();

  const phone = await open({ ...PHONE, colorScheme: "light" });
  await moves(phone.page, 0.5);
  await picture(phone.page, "live-phone", true);
  await phone.context.close();
  await context.close();
  await third.kill();
});
