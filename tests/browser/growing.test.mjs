// @ts-check
// A film that is still being made, as its viewers meet it. The playlists on disk grow as the test says.

import assert from "node:assert/strict";
import { readFile, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import {
  DESKTOP,
  PHONE,
  film,
  followFrames,
  framesSeen,
  launch,
  panel,
  paymentRequest,
  picture,
  play,
  playedTo,
  visitor,
} from "./browser.mjs";
import { PREVIEW_S, openSite } from "./site.mjs";

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

/** @type {import("../../player/node_modules/playwright-core").Browser} */
let browser;
/** @type {import("./site.mjs").Site} */
let site;
/** The whole film's playlists. @type {Map<string, string>} */
const whole = new Map();

before(async () => {
  [browser, site] = await Promise.all([launch(), openSite()]);
  const folder = join(site.data, "titles", site.id);
  for (const name of await readdir(folder)) {
    if (name.endsWith(".m3u8")) whole.set(name, await readFile(join(folder, name), "utf8"));
  }
});
after(async () => {
  await browser?.close();
  await site?.close();
});

/** @param {string} name @param {string} text */
async function write(name, text) {
  const path = join(site.data, "titles", site.id, name);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/**
 * The film as far as it is made: so many segments, in its smallest quality or in all of them.
 *
 * @param {number} segments @param {{ rungs?: "one" | "all" }} [options]
 */
async function made(segments, { rungs = "one" } = {}) {
  for (const [name, text] of whole) {
    if (name === "master.m3u8") {
      const parts = text.split(/(?=^#EXT-X-STREAM-INF)/m);
      await write(name, rungs === "all" ? text : parts[0] + parts.at(-1));
    } else {
      const [head, ...rest] = text.split(/(?=^#EXTINF)/m);
      const event = head.replace("TYPE:VOD\n", "TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n");
      await write(name, event + rest.slice(0, segments).join("").replace("#EXT-X-ENDLIST\n", ""));
    }
  }
}

/** Nothing is left to do. */
async function finished() {
  for (const [name, text] of whole) await write(name, text);
}

/** @param {object} [options] */
async function open(options = { ...DESKTOP, colorScheme: "dark" }) {
  const { context, page, seen } = await visitor(browser, site.url, options);
  /** @type {string[]} */
  const files = [];
  page.on("request", (request) =>
    files.push(new URL(request.url()).pathname.split("/").at(-1) ?? ""),
  );
  await page.goto(site.filmUrl);
  await page.locator("media-play-button.big").waitFor();
  return { context, page, files, seen };
}

/** @param {Page} page */
const word = (page) => page.locator(".player .word");

/** The word stands inside of its ground. @param {Page} page */
async function assertFits(page) {
  const { text, ground } = await word(page).evaluate((node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return { text: range.getBoundingClientRect().height, ground: node.clientHeight };
  });
  assert.ok(text > 0 && text <= ground, `${text} px of text on ${ground} px`);
}

test("a film that grows: whole on its timeline, held where it ends, better once it is", async () => {
  await made(5);
  const { access } = await site.buy("own");
  const { context, page, files, seen } = await open();
  await page.goto(`${site.url}/purchases#add=${access.token}`);
  await page.getByText("The Test Film").first().waitFor();
  await page.goto(site.filmUrl);
  await playedTo(page, 0.5);
  const start = await film(page);
  assert.ok(start.time < 5, `it begins at its beginning, not at ${start.time}`);
  assert.equal(Math.round(start.duration), 40, "the length that it will have");

  await page.evaluate(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    video.currentTime = 30;
  });
  await word(page).getByText("The rest is still being prepared.").waitFor();
  const held = await film(page);
  assert.ok(held.time > 8 && held.time <= 10, `held at ${held.time}`);
  await assertFits(page);
  await page.locator("media-controller").hover();
  await picture(page, "growing-desktop-dark");
  await page.evaluate(() => {
    const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    video.currentTime = 1;
  });
  await playedTo(page, 2);
  assert.equal(await word(page).textContent(), "");

  const [, biggest] = /** @type {RegExpMatchArray} */ (
    whole.get("master.m3u8")?.match(/^(v\d+)\.m3u8/m)
  );
  assert.ok(!files.some((file) => file.startsWith(`${biggest}-`)));
  await followFrames(page);
  const asked = page.waitForRequest(new RegExp(`/${biggest}-\\d+\\.m4s`));
  await made(10, { rungs: "all" });
  await asked;
  await playedTo(page, 11);
  const { restarts, same } = await framesSeen(page);
  assert.deepEqual(restarts, [], "it went on without a break");
  assert.ok(same);

  await finished();
  // Held until the player has heard of it.
  await page.waitForFunction(
    () => {
      const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
      if (video.currentTime < 30) video.currentTime = 38;
      return video.ended;
    },
    null,
    { polling: 500 },
  );
  seen.assertClean();
  await context.close();
});

test("a free start that is still being made becomes as long as it was promised", async () => {
  await made(1);
  const { context, page, seen } = await open({ ...PHONE, colorScheme: "light" });
  await play(page);
  await word(page).getByText("The rest is still being prepared.").waitFor();
  assert.equal(await page.locator("dialog.sheet[open]").count(), 0, "nothing is offered for it");
  await assertFits(page);
  await picture(page, "growing-phone-light");
  await made(10);
  await panel(page);
  const { time } = await film(page);
  assert.ok(Math.abs(time - PREVIEW_S) < 0.3, `the offer came at ${time}`);
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /Watch for 100/ })
    .click();
  await site.payQuickly(await paymentRequest(page));
  await playedTo(page, PREVIEW_S + 2);
  await finished();
  seen.assertClean();
  await context.close();
});
