// @ts-check
// How far behind its making a live picture is in Chromium, read from the picture itself, and how soon
// after a publisher's first frame a page that waits shows one. Prints JSON in milliseconds.
//
//   SATREEL_BIN=bin node tests/browser/live-bench.mjs [LOOKS] [STARTS]

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Publisher, makeReel } from "../bench/live/publisher.mjs";
import { DESKTOP, launch } from "./browser.mjs";
import { behind, openStation } from "./station.mjs";

const looks = Number(process.argv[2] ?? 200);
const starts = Number(process.argv[3] ?? 5);
const free = { tiers: [], mode: "fast", part_ms: 200 };
/** Time for the player to catch up before it is looked at. */
const CATCH_UP_MS = 10_000;
const BETWEEN_MS = 100;

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
const browser = await launch();
const folder = await mkdtemp(join(tmpdir(), "satreel-live-bench-"));

/** @param {string} url */
async function open(url) {
  const context = await browser.newContext(DESKTOP);
  const page = await context.newPage();
  await page.goto(url);
  return { context, page };
}

async function latencies() {
  const station = await openStation(free);
  const publisher = station.publish();
  const { context, page } = await open(station.page);
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0);
  await pause(CATCH_UP_MS);
  const found = [];
  while (found.length < looks) {
    found.push(await behind(page));
    await pause(BETWEEN_MS);
  }
  await context.close();
  await publisher.kill();
  await station.close();
  return found;
}

/** @param {import("../bench/live/publisher.mjs").Reel} reel */
async function start(reel) {
  const station = await openStation(free);
  const context = await browser.newContext(DESKTOP);
  const page = await context.newPage();
  // The page may load itself anew when the broadcast begins, so the tab itself has to look: for the
  // first picture that is really drawn, by the machine's clock.
  await page.addInitScript(() => {
    const look = () => {
      const video = document.querySelector("video");
      if (!video) return requestAnimationFrame(look);
      video.requestVideoFrameCallback(() => Object.assign(window, { shownAt: Date.now() }));
    };
    look();
  });
  await page.goto(station.page);
  const publisher = await Publisher.open(station.publishUrl);
  const began = Date.now();
  publisher.play(reel);
  const shown = await page.waitForFunction(() => /** @type {any} */ (window).shownAt);
  const took = Number(await shown.jsonValue()) - began;
  publisher.end();
  await context.close();
  await station.close();
  return took;
}

try {
  const reel = makeReel(join(folder, "reel.flv"), 10);
  const firsts = [];
  for (let number = 0; number < starts; number++) firsts.push(await start(reel));
  console.log(JSON.stringify({ behind_ms: await latencies(), first_picture_ms: firsts }));
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
