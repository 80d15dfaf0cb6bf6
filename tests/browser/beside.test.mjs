// @ts-check
// What lies beside the picture: captions, languages, chapters, small pictures, a recording's shape.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import {
  DESKTOP,
  PHONE,
  assertAccessible,
  film,
  launch,
  panel,
  paymentRequest,
  picture,
  play,
  playedTo,
  visitor,
} from "./browser.mjs";
import { HALF_S, recording, richFilm } from "./films.mjs";
import { openSite } from "./site.mjs";

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

/** @type {import("../../player/node_modules/playwright-core").Browser} */
let browser;
/** @type {import("./site.mjs").Site} */
let site;
/** @type {string} */
let folder;
/** Addresses of the pages. */
let rich = "";
let sound = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "satreel-films-"));
  [browser, site] = await Promise.all([launch(), openSite({ film: false })]);
  const add = async (/** @type {string} */ path, /** @type {string} */ name) =>
    `${site.url}/w/${await site.addFrom(path, { name, preview: 6 })}`;
  rich = await add(await richFilm(folder), "Two Languages");
  sound = await add(await recording(folder), "A Recording");
});
after(async () => {
  await browser?.close();
  await site?.close();
  await rm(folder, { recursive: true, force: true });
});

/** @param {string} url @param {object} [options] */
async function open(url, options = { ...DESKTOP, colorScheme: "dark" }) {
  const { context, page, seen } = await visitor(browser, site.url, options);
  /** @type {string[]} */
  const files = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/m/")) files.push(pathname.split("/").at(-1) ?? "");
  });
  await page.goto(url);
  await page.locator("media-play-button.big").waitFor();
  return { context, page, files, seen };
}

/** Buys it on its page, as it stands. @param {Page} page */
async function buy(page) {
  await page.getByRole("button", { name: /Watch for 100/ }).click();
  await site.payQuickly(await paymentRequest(page));
  await page.locator("dialog.sheet[open]").waitFor({ state: "hidden" });
}

/** Chooses a line of a menu. @param {Page} page @param {"captions" | "audio-track"} menu @param {string} line */
async function choose(page, menu, line) {
  await page.locator("media-controller").hover();
  await page.locator(`media-${menu}-menu-button`).click();
  await page.locator(`media-${menu}-menu`).getByRole("menuitemradio", { name: line }).click();
}

/** What is read on the picture now. @param {Page} page */
const captions = (page) =>
  page.evaluate(() => {
    const tracks = [...(document.querySelector("video")?.textTracks ?? [])];
    const shown = tracks.filter(({ mode }) => mode === "showing");
    return shown.flatMap(({ activeCues }) =>
      [...(activeCues ?? [])].map((cue) => /** @type {VTTCue} */ (cue).text),
    );
  });

/** @param {Page} page @param {string | null} words */
const reads = (page, words) =>
  page.waitForFunction((words) => {
    const tracks = [...(document.querySelector("video")?.textTracks ?? [])];
    const shown = tracks.filter(({ mode }) => mode === "showing");
    const text = shown.flatMap(({ activeCues }) =>
      [...(activeCues ?? [])].map((cue) => /** @type {VTTCue} */ (cue).text),
    );
    return words === null ? shown.length === 0 : text.join("|") === words;
  }, words);

test("captions are off, then on in the viewer's language, through an unlock and on the next visit", async () => {
  const { context, page, files, seen } = await open(rich);
  await play(page);
  await playedTo(page, 1);
  assert.deepEqual(await captions(page), []);
  assert.ok(!files.some((file) => /^s\d?-/.test(file)), "none are fetched");

  await choose(page, "captions", "Deutsch");
  await reads(page, "Guten Abend.");
  await playedTo(page, 3);
  await buy(page);
  await page.evaluate((at) => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    video.currentTime = at;
  }, HALF_S + 2);
  await reads(page, "Gute Nacht.");

  await page.reload();
  await playedTo(page, HALF_S + 1);
  await reads(page, "Gute Nacht.");
  await choose(page, "captions", "Off");
  await reads(page, null);
  await page.reload();
  await playedTo(page, HALF_S + 1);
  assert.deepEqual(await captions(page), []);
  seen.assertClean();
  await context.close();
});

test("a film in two languages is heard in the chosen one, the next time too", async () => {
  const { context, page, files, seen } = await open(rich);
  await play(page);
  await playedTo(page, 1);
  assert.ok(!files.includes("a2-init.mp4"));
  const heard = page.waitForRequest(/a2-\d+\.m4s/);
  await choose(page, "audio-track", "Deutsch");
  await heard;
  const { time } = await film(page);
  await playedTo(page, time + 1);

  await page.reload();
  files.length = 0;
  await play(page);
  await playedTo(page, 1);
  assert.ok(files.includes("a2-0.m4s"), files.join());
  assert.ok(!files.includes("a-0.m4s"), "the other one is not fetched");
  seen.assertClean();
  await context.close();
});

test("small pictures and chapters over the timeline; the pictures for who may see all", async () => {
  const { context, page, files, seen } = await open(rich);
  const range = page.locator("media-time-range");
  const preview = (/** @type {string} */ name) => range.getAttribute(`mediapreview${name}`);
  const point = async (/** @type {number} */ part) => {
    const box = await range.boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width * part, box.y + box.height / 2, { steps: 3 });
  };
  await play(page);
  await playedTo(page, 0.5);
  await point(0.25);
  await page.waitForFunction(
    () =>
      document.querySelector("media-time-range")?.getAttribute("mediapreviewchapter") === "Arrival",
  );
  assert.equal(await preview("image"), null);
  assert.ok(!files.includes("storyboard.vtt"), "the gate would refuse it");

  await buy(page);
  await page.locator("media-controller").hover();
  await point(0.75);
  await page.waitForFunction(() => {
    const range = document.querySelector("media-time-range");
    return (
      range?.getAttribute("mediapreviewchapter") === "Départ & fin" &&
      range?.getAttribute("mediapreviewimage")?.includes("sprite-0.jpg#xywh=")
    );
  });
  await page.waitForFunction(async () => {
    const image = document
      .querySelector("media-time-range")
      ?.shadowRoot?.querySelector("media-preview-thumbnail")
      ?.shadowRoot?.querySelector("img");
    if (!image?.complete || !image.naturalWidth) return false;
    await image.decode();
    return true;
  });
  await picture(page, "bubble-desktop-dark");

  // A newer grant: the old address would soon be refused.
  const before = (await preview("image"))?.split("/")[4];
  await site.setClock(590);
  await page.evaluate(() => {
    const clock = Date.now;
    Date.now = () => clock() + 590_000;
    document.querySelector("video")?.pause();
  });
  await page.mouse.move(10, 10);
  const renewed = page.waitForResponse(/\/api\/grants/);
  await point(0.3);
  await renewed;
  await point(0.8);
  await page.waitForFunction((before) => {
    const image = document.querySelector("media-time-range")?.getAttribute("mediapreviewimage");
    return image && image.split("/")[4] !== before;
  }, before);
  seen.assertClean();
  await context.close();
  await site.setClock(0);
});

for (const [device, settings] of /** @type {const} */ ([
  ["phone", PHONE],
  ["desktop", DESKTOP],
])) {
  for (const colorScheme of /** @type {const} */ (["dark", "light"])) {
    test(`menus and recordings on a ${device}, ${colorScheme}`, async () => {
      const { context, page, seen } = await open(rich, { ...settings, colorScheme });
      await play(page);
      await playedTo(page, 1);
      await page.evaluate(() => document.querySelector("video")?.pause());
      for (const menu of ["captions", "audio-track"]) {
        await page.locator(`media-${menu}-menu-button`).click();
        await page.locator(`media-${menu}-menu`).getByText("Deutsch").waitFor();
        await picture(page, `menu-${menu}-${device}-${colorScheme}`);
        await assertAccessible(page);
        await page.keyboard.press("Escape");
      }
      await choose(page, "captions", "Deutsch");
      await reads(page, "Guten Abend.");
      await page.evaluate(() => scrollTo(0, 0));
      await picture(page, `captions-${device}-${colorScheme}`);
      await play(page);
      await page.waitForFunction(() =>
        document.querySelector("media-controller")?.hasAttribute("userinactive"),
      );
      await picture(page, `captions-alone-${device}-${colorScheme}`);
      await page.goto(sound);
      await play(page);
      await playedTo(page, 2);
      await page.evaluate(() => document.querySelector("video")?.pause());
      await assertAccessible(page);
      await picture(page, `recording-${device}-${colorScheme}`);
      await page.goto(site.url);
      await page.waitForLoadState("networkidle");
      await picture(page, `storefront-recording-${device}-${colorScheme}`, true);
      seen.assertClean();
      await context.close();
    });
  }
}

test("nobody hears of what is not there", async () => {
  const { context, page, files, seen } = await open(sound);
  await play(page);
  await playedTo(page, 1);
  assert.equal(await page.locator("media-captions-menu-button").isVisible(), false);
  assert.equal(await page.locator("media-audio-track-menu-button").isVisible(), false);
  assert.ok(!files.some((file) => file.endsWith(".vtt")), files.join());
  await playedTo(page, 5);
  await panel(page);
  seen.assertClean();
  await context.close();
});
