// @ts-check
// Programs that are not ours, and our own checker, read a broadcast while it runs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { openStation } from "./station.mjs";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const bin = resolve(process.env.SATREEL_BIN ?? join(root, "bin"));
const HLS = createRequire(join(root, "player/package.json"))("hls-parser");

/** @param {string} url */
const read = async (url) => (await fetch(url)).text();

/** The broadcast's multivariant playlist, once it is on air. @param {{ url: string }} station */
async function onAir({ url }) {
  let channel;
  do channel = await (await fetch(`${url}/api/channels/news`)).json();
  while (channel.state !== "live" || channel.title === null);
  const response = await fetch(`${url}/api/grants`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ title: channel.title.id, whole_timeline: true }),
  });
  const { master_url: path } = await response.json();
  return new URL(path, url).href;
}

test("readers of others, and ours, find a broadcast in order", async (t) => {
  const station = await openStation({ tiers: [] });
  t.after(() => station.close());
  let publisher = station.publish();
  const url = await onAir(station);

  await t.test("hls-parser", async () => {
    const master = HLS.parse(await read(url));
    assert.equal(master.isMasterPlaylist, true);
    assert.ok(master.variants.length > 0);
    for (const { uri } of master.variants) {
      const media = HLS.parse(await read(new URL(uri, url).href));
      assert.equal(media.lowLatencyCompatibility.canBlockReload, true);
      assert.ok(media.segments.length > 0 && media.partTargetDuration > 0);
      const parts = media.segments.flatMap((/** @type {any} */ segment) => segment.parts);
      assert.ok(
        parts.some((/** @type {any} */ part) => part.hint),
        "a hint",
      );
      assert.ok(media.renditionReports.length > 0);
    }
  });

  await t.test("ffprobe and ffmpeg", async () => {
    const entries = ["-show_entries", "stream=codec_name", "-of", "csv=p=0"];
    const { stdout } = await run("ffprobe", ["-v", "error", ...entries, url]);
    assert.deepEqual([...new Set(stdout.split("\n").filter(Boolean))].sort(), ["aac", "h264"]);
    const decode = ["-v", "error", "-xerror", "-i", url, "-t", "4", "-f", "null", "-"];
    const { stderr } = await run("ffmpeg", ["-nostdin", ...decode]);
    assert.equal(stderr, "");
  });

  await t.test("verify, while the publisher is killed and comes back", async () => {
    const watching = run(join(bin, "satreel-transcoder"), [
      ...["verify", station.page, "--seconds", "12", "--json"],
    ]);
    await publisher.kill();
    publisher = station.publish();
    const { stdout, stderr } = await watching.catch((failed) => failed);
    assert.deepEqual(JSON.parse(stdout), { ok: true, findings: [] }, stderr);
    // Both sides of the gap were there to be looked at.
    const { variants } = HLS.parse(await read(url));
    const media = await read(new URL(variants[0].uri, url).href);
    assert.match(media, /^#EXT-X-DISCONTINUITY$/m);
  });
});
