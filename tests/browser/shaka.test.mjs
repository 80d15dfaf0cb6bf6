// @ts-check
// Titles of different sources, played by a player that is not ours: Shaka Player, in Chromium.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { launch, playedTo } from "./browser.mjs";

/** @import { AddressInfo } from "node:net" */
/** @import { Browser } from "../../player/node_modules/playwright-core" */

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const bin = resolve(process.env.SATREEL_BIN ?? join(root, "bin"));
const require = createRequire(join(root, "player/package.json"));
const shaka = require.resolve("shaka-player/dist/shaka-player.compiled.js");

const SECONDS = 14;
const X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -bf 2";
/** Copied and encoded, with each sound's way, and sound alone. */
const SOURCES = [
  ["copied.mp4", `${X264} -g 50 -c:a aac`, 50],
  ["copied.ts", `${X264} -g 50 -c:a aac`, 50],
  ["long-groups.mkv", `${X264} -g 1000 -c:a libopus`, 25],
  ["hevc.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none -c:a ac3", 30],
  ["vp9.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libvorbis", 25],
  ["mpeg2.mpg", "-c:v mpeg2video -q:v 4 -c:a mp2 -f mpeg", 25],
  ["sound.flac", "-vn -c:a flac", 25],
];

const TYPES = new Map([
  [".m3u8", "application/vnd.apple.mpegurl"],
  [".m4s", "video/mp4"],
  [".mp4", "video/mp4"],
  [".vtt", "text/vtt"],
]);

/** @type {string} */
let folder;
/** @type {Browser} */
let browser;
const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
  if (path === "/") {
    response.setHeader("content-type", "text/html");
    response.end('<!doctype html><script src="/shaka.js"></script><video muted></video>');
    return;
  }
  const file = path === "/shaka.js" ? shaka : join(folder, "titles", path);
  try {
    const bytes = await readFile(file);
    response.setHeader("content-type", TYPES.get(extname(path)) ?? "text/javascript");
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
});

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "satreel-shaka-"));
  browser = await launch();
  await new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(null)));
});

after(async () => {
  await browser?.close();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

/** @param {string} name @param {string} codecs @param {number} rate @returns {Promise<string>} the title's id */
async function take(name, codecs, rate) {
  const film = join(folder, name);
  await run("ffmpeg", [
    ...["-nostdin", "-v", "error", "-f", "lavfi", "-i", `testsrc2=size=640x360:rate=${rate}`],
    ...["-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", String(SECONDS), "-ac", "2"],
    ...codecs.split(" "),
    film,
  ]);
  const add = ["add", film, "--data", folder, "--free"];
  const { stdout } = await run(join(bin, "satreel-transcoder"), add);
  return stdout.trim().split(/\s+/).at(-1) ?? "";
}

for (const [name, codecs, rate] of SOURCES) {
  test(`Shaka Player plays ${name}, and from its middle on`, async () => {
    const id = await take(String(name), String(codecs), Number(rate));
    const { port } = /** @type {AddressInfo} */ (server.address());
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    const { duration, heights } = await page.evaluate(async (url) => {
      const { Player } = /** @type {any} */ (window).shaka;
      const video = document.querySelector("video");
      const player = new Player();
      /** @type {any} */ (window).faults = [];
      player.addEventListener("error", (/** @type {any} */ event) =>
        /** @type {any} */ (window).faults.push(event.detail.code),
      );
      await player.attach(video);
      await player.load(url);
      await video?.play();
      const heights = player
        .getVariantTracks()
        .map((/** @type {any} */ { height }) => height)
        .filter(Boolean);
      return { duration: video?.duration ?? 0, heights };
    }, `/${id}/master.m3u8`);
    assert.ok(Math.abs(duration - SECONDS) < 0.1, `it lasts ${duration} s`);
    const master = await readFile(join(folder, "titles", id, "master.m3u8"), "utf8");
    const rungs = [...master.matchAll(/RESOLUTION=\d+x(\d+)/g)].map(([, height]) => Number(height));
    assert.deepEqual([...new Set(heights)].sort(), [...new Set(rungs)].sort());
    assert.ok(rungs.length >= (name === "sound.flac" ? 0 : 2), master);
    await playedTo(page, 1.5);
    await page.evaluate((half) => {
      const video = document.querySelector("video");
      if (video) video.currentTime = half;
    }, SECONDS / 2);
    await playedTo(page, SECONDS / 2 + 1);
    assert.deepEqual(await page.evaluate(() => /** @type {any} */ (window).faults), []);
    await page.close();
  });
}
