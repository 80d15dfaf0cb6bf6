// @ts-check
// The system's Chromium, and how a test looks at the player.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";

/** @import { Browser, BrowserContext, BrowserContextOptions, Page } from "../../player/node_modules/playwright-core" */

// The packages belong to the player: one lock file for all that runs in or around a browser.
const require = createRequire(resolve(import.meta.dirname, "../../player/package.json"));
/** @type {typeof import("../../player/node_modules/playwright-core")} */
const { chromium } = require("playwright-core");
/** The accessibility checks, run inside a page. */
const axeSource = /** @type {string} */ (require("axe-core").source);

export const PHONE = {
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
};
export const DESKTOP = { viewport: { width: 1280, height: 800 } };
const artefacts = resolve(import.meta.dirname, "../artefacts");

const options = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A click that Playwright makes counts as one; a film that goes on by itself must too.
    "--autoplay-policy=no-user-gesture-required",
  ],
};

export const launch = () => chromium.launch(options);

/**
 * A browser and a place for it to visit, for all tests of a file.
 *
 * @template {{ close: () => Promise<void> }} Place
 * @param {Promise<Place>} place
 * @returns {Promise<[Awaited<ReturnType<typeof launch>>, Place]>}
 */
export async function opened(place) {
  const both = await Promise.all([launch(), place]);
  after(async () => {
    for (const one of both) await one.close();
  });
  return both;
}

/** A profile on disk that a browser can be started with again. */
export async function profile() {
  const folder = await mkdtemp(join(tmpdir(), "satreel-profile-"));
  return {
    open: () => chromium.launchPersistentContext(folder, { ...options, ...DESKTOP }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Notes what a context asks for and what goes wrong in it.
 *
 * @param {BrowserContext} context @param {string} home the only host that may be asked
 */
export function observe(context, home) {
  /** @type {string[]} */
  const strangers = [];
  /** @type {string[]} */
  const errors = [];
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(home) && !/^(blob|data):/.test(url)) strangers.push(url);
  });
  context.on("weberror", (error) => errors.push(String(error.error())));
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return {
    strangers,
    errors,
    /** Nothing failed and nobody else was asked. */
    assertClean() {
      assert.deepEqual(strangers, [], "requests to other hosts");
      assert.deepEqual(errors, [], "errors in the page");
    },
  };
}

/**
 * Somebody who has never been here, on a device of his own, with an empty page.
 *
 * @param {Browser} browser @param {string} url the site's, the only host that may be asked
 * @param {BrowserContextOptions} [shape]
 */
export async function visitor(browser, url, shape = DESKTOP) {
  const context = await browser.newContext(shape);
  context.setDefaultTimeout(20_000);
  const seen = observe(context, url);
  return { context, seen, page: await context.newPage() };
}

/** How the film stands. @param {Page} page */
export const film = (page) =>
  page.evaluate(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    return {
      time: video.currentTime,
      duration: video.duration,
      paused: video.paused,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
    };
  });

/** Waits until the film has come to a moment. @param {Page} page @param {number} time */
export const playedTo = (page, time) =>
  page.waitForFunction(
    (time) => (document.querySelector("video")?.currentTime ?? 0) >= time,
    time,
    { polling: 50 },
  );

/** @param {Page} page */
export const play = (page) => page.locator("media-play-button.big").click();

/** The panel, once it is up. @param {Page} page */
export async function panel(page) {
  const sheet = page.locator("dialog.sheet[open]");
  await sheet.waitFor();
  return sheet;
}

/** The code that the panel shows. @param {Page} page @returns {Promise<string>} */
export async function paymentRequest(page) {
  const link = page.locator("dialog.sheet[open] a.wallet");
  await link.waitFor();
  return ((await link.getAttribute("href")) ?? "").replace(/^lightning:/, "");
}

/** What this browser holds. @param {Page} page @returns {Promise<any[]>} */
export const purse = (page) =>
  page.evaluate(() => JSON.parse(localStorage.getItem("satreel:purse") ?? "[]"));

/**
 * Follows every frame that is shown from now on, and every sign of a restart.
 *
 * @param {Page} page
 */
export async function followFrames(page) {
  await page.evaluate(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    const canvas = document.createElement("canvas");
    canvas.width = 16;
    canvas.height = 9;
    const context = /** @type {CanvasRenderingContext2D} */ (
      canvas.getContext("2d", { willReadFrequently: true })
    );
    /** @type {any} */
    const seen = { frames: [], restarts: [], video };
    /** @type {any} */ (window).seen = seen;
    for (const name of ["emptied", "loadstart", "seeking"]) {
      video.addEventListener(name, () => seen.restarts.push(name));
    }
    const light = () => {
      context.drawImage(video, 0, 0, 16, 9);
      const { data } = context.getImageData(0, 0, 16, 9);
      return data.reduce((sum, value, index) => (index % 4 === 3 ? sum : sum + value), 0);
    };
    const frame = (/** @type {number} */ _, /** @type {VideoFrameCallbackMetadata} */ metadata) => {
      seen.frames.push({
        time: metadata.mediaTime,
        shown: performance.timeOrigin + metadata.expectedDisplayTime,
        light: light(),
      });
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
  });
}

/**
 * What followFrames saw; throws when the page was loaded anew since.
 *
 * @param {Page} page
 * @returns {Promise<{ frames: { time: number, shown: number, light: number }[], restarts: string[], same: boolean }>}
 */
export const framesSeen = (page) =>
  page.evaluate(() => {
    const { frames, restarts, video } = /** @type {any} */ (window).seen;
    return {
      frames,
      restarts,
      same: video === document.querySelector("video"),
    };
  });

/**
 * Nothing serious for axe, and nothing wider than the screen. axe is put into the page from outside, so
 * its context needs `bypassCSP`.
 *
 * @param {Page} page @param {string} [what]
 */
export async function assertAccessible(page, what = page.url()) {
  await page.evaluate(axeSource);
  const { serious, sideways } = await page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run();
    const { scrollWidth, clientWidth } = document.documentElement;
    return {
      serious: violations
        .filter((/** @type {any} */ { impact }) => ["serious", "critical"].includes(impact))
        .map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes[0].target}`),
      sideways: scrollWidth - clientWidth,
    };
  });
  assert.deepEqual(serious, [], what);
  assert.ok(sideways <= 0, `${what} scrolls sideways by ${sideways}`);
}

/** Keeps a picture of the page. @param {Page} page @param {string} name */
export async function picture(page, name, fullPage = false) {
  await mkdir(artefacts, { recursive: true });
  const path = join(artefacts, `${name}.png`);
  await page.screenshot({ path, fullPage, animations: "disabled" });
}
