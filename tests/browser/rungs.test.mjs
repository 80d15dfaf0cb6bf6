// @ts-check
// A smaller picture of a broadcast while it runs, as a slow connection chooses it: it plays at the live
// edge, and goes on as the publisher's own picture for as long as nobody makes it.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { after, before, test } from "node:test";

import { DESKTOP, launch, observe, picture } from "./browser.mjs";
import { behind, openStation } from "./station.mjs";

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

/** @type {import("../../player/node_modules/playwright-core").Browser} */
let browser;
/** @type {import("./station.mjs").Station} */
let station;

before(async () => {
  [browser, station] = await Promise.all([
    launch(),
    openStation({ preview_s: 120 }, 'rungs = [180, 144]\nmode = "standard"'),
  ]);
});
after(async () => {
  await browser?.close();
  await station?.close();
});

/** The worker that makes them, a child of the transcoder. */
async function worker() {
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const read = (/** @type {string} */ name) =>
      readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
    const parent = /^PPid:\s+(\d+)/m.exec(await read("status"))?.[1];
    if (Number(parent) !== station.transcoder()) continue;
    if ((await read("cmdline")).includes("frames_ks")) return Number(pid);
  }
  throw new Error("nobody makes smaller pictures");
}

/** Waits for a picture of this width that has moved on by so much. @param {Page} page @param {number} width @param {number} seconds */
async function plays(page, width, seconds) {
  await page.waitForFunction(
    (width) => document.querySelector("video")?.videoWidth === width,
    width,
    { polling: 20, timeout: 30_000 },
  );
  const from = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
  await page.waitForFunction(
    (until) => (document.querySelector("video")?.currentTime ?? 0) >= until,
    from + seconds,
    { polling: 50, timeout: 30_000 },
  );
}

test("a live rung plays, and outlives its worker", async (t) => {
  const publisher = station.publish();
  const context = await browser.newContext(DESKTOP);
  const seen = observe(context, station.url);
  const waiting = await context.newPage();
  await waiting.goto(station.page);
  await waiting.locator("media-controller.player").waitFor({ timeout: 30_000 });
  await waiting.close();
  // Nothing but the rung is on offer: what a slow connection would choose.
  await context.route(/master\.m3u8/, async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    const [head, ...variants] = text.split("#EXT-X-STREAM-INF:");
    const rung = variants.find((variant) => variant.includes("\nv180.m3u8"));
    assert.ok(rung, text);
    assert.match(rung, /RESOLUTION=320x180/);
    await route.fulfill({ response, body: `${head}#EXT-X-STREAM-INF:${rung}` });
  });
  const page = await context.newPage();
  await page.goto(station.page);
  await page.locator("media-controller.player").waitFor({ timeout: 30_000 });
  await plays(page, 320, 1);
  await page.evaluate(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    Object.assign(window, { stalls: 0 });
    video.addEventListener("waiting", () => /** @type {any} */ (window).stalls++);
  });
  await plays(page, 320, 6);
  const stalls = await page.evaluate(() => /** @type {any} */ (window).stalls);
  t.diagnostic(`stalls in 6 s of the rung: ${stalls}`);
  await picture(page, "live-rung-desktop");
  // The clock's boxes are half as large here.
  t.diagnostic(`behind, as the rung shows it: ${await behind(page, 0.5)} ms`);

  process.kill(await worker(), "SIGKILL");
  // The publisher's own picture in its place, and then another worker's.
  await plays(page, 640, 0.5);
  await plays(page, 320, 3);
  assert.equal(await page.locator(".note:visible").count(), 0, "nobody is told of a fault");
  seen.assertClean();
  await context.close();
  await publisher.kill();
});
