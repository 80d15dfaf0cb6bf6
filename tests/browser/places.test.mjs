// @ts-check
// How many devices play one purchase at once: the newest win, the oldest is told and may take it back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESKTOP, PHONE, film, opened, picture, playedTo, visitor } from "./browser.mjs";
import { openSite } from "./site.mjs";

/** @import { Page } from "../../player/node_modules/playwright-core" */

const [browser, site] = await opened(openSite());

/** A device of its own that holds the purchase and plays the film. @param {string} token @param {any} [shape] */
async function device(token, shape = DESKTOP) {
  const { context, page, seen } = await visitor(browser, site.url, shape);
  await page.goto(`${site.url}/purchases#add=${token}`);
  await page.locator(".owned-list a.name").click();
  await slowly(page);
  return { context, page, seen };
}

/** Slow enough that the short test film does not end meanwhile. @param {Page} page */
async function slowly(page) {
  await playedTo(page, 0.2);
  await page.evaluate(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    video.playbackRate = 0.25;
  });
}

const WORDS = "Playing on another device.";

/** @param {Page} page */
const told = (page) => page.getByText(WORDS).waitFor();

/** Plays on from where it stands. @param {Page} page */
async function goesOn(page) {
  const { time } = await film(page);
  await playedTo(page, time + 0.3);
  assert.equal(await page.getByText(WORDS).count(), 0);
}

test("a third device plays, the first is told, and takes its place back", async () => {
  const { access } = await site.buy("own");
  const first = await device(access.token, PHONE);
  const second = await device(access.token);
  await goesOn(first.page);
  const third = await device(access.token);

  await told(first.page);
  const stopped = await film(first.page);
  assert.ok(stopped.paused && stopped.time < stopped.duration - 1, "in mid-film");
  await picture(first.page, "elsewhere-phone");
  await goesOn(second.page);
  await goesOn(third.page);

  // Looking again is no taking back.
  await first.page.reload();
  await told(first.page);
  await goesOn(third.page);

  await first.page.getByRole("button", { name: "Watch here" }).click();
  await playedTo(first.page, stopped.time + 0.3);
  await told(second.page);
  await picture(second.page, "elsewhere-desktop");
  await goesOn(third.page);
  // Without a reload in between: on from the same frame.
  const { time } = await film(second.page);
  await second.page.getByRole("button", { name: "Watch here" }).click();
  await playedTo(second.page, time + 0.3);
  assert.ok((await film(second.page)).time < time + 5);

  for (const { context, seen } of [first, second, third]) {
    await context.close();
    assert.deepEqual(seen.strangers, []);
  }
});

test("a page that is loaded again puts nobody out", async () => {
  const { access } = await site.buy("own");
  const first = await device(access.token);
  const second = await device(access.token);
  for (let again = 0; again < 3; again++) {
    await second.page.reload();
    await playedTo(second.page, 0.3);
  }
  await goesOn(first.page);
  await first.context.close();
  await second.context.close();
});
