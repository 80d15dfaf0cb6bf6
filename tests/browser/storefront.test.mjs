// @ts-check
// The storefront's clips: only while a pointer rests on a card, and for nobody who wants stillness.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESKTOP, PHONE, opened, picture, visitor } from "./browser.mjs";
import { openSite } from "./site.mjs";

const [browser, site] = await opened(openSite());

/** The storefront, and which clips it asked for. @param {object} options */
async function storefront(options) {
  const { context, page, seen } = await visitor(browser, site.url, options);
  /** @type {string[]} */
  const clips = [];
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.endsWith("/hover.mp4")) clips.push(request.url());
  });
  await page.clock.install();
  await page.goto(site.url);
  return { context, page, clips, seen };
}

test("a clip plays while the pointer rests on a film, silent, and goes with it", async () => {
  const { context, page, clips, seen } = await storefront({ ...DESKTOP, colorScheme: "dark" });
  await page.waitForLoadState("networkidle");
  assert.deepEqual(clips, [], "nothing is fetched before");

  await page.locator(".hero .frame").hover();
  await page.locator(".hero video.clip.plays").waitFor();
  const { muted, loop, time } = await page
    .locator("video.clip")
    .evaluate(async (/** @type {HTMLVideoElement} */ clip) => {
      await new Promise((resolve) => clip.addEventListener("timeupdate", resolve, { once: true }));
      return { muted: clip.muted, loop: clip.loop, time: clip.currentTime };
    });
  assert.deepEqual([muted, loop, time > 0], [true, true, true]);
  await picture(page, "storefront-clip-desktop-dark");

  await page.locator("h1").hover();
  await page.locator("video.clip").waitFor({ state: "detached" });
  assert.equal(new Set(clips).size, 1);
  seen.assertClean();
  await context.close();
});

for (const [who, options] of /** @type {[string, object][]} */ ([
  ["wants no motion", { ...DESKTOP, reducedMotion: "reduce" }],
  ["has no pointer", PHONE],
])) {
  test(`nothing moves for a viewer who ${who}`, async () => {
    const { context, page, clips, seen } = await storefront(options);
    await page.evaluate(() => {
      const frame = document.querySelector(".hero .frame");
      frame?.dispatchEvent(new PointerEvent("pointerenter", { pointerType: "mouse" }));
    });
    await page.clock.runFor(5000);
    assert.equal(await page.locator("video.clip").count(), 0);
    assert.deepEqual(clips, []);
    seen.assertClean();
    await context.close();
  });
}
