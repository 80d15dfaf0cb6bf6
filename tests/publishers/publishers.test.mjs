// @ts-check
// The programs that creators really use publish to a channel, and a player of another family reads it:
// GStreamer, and OBS without a screen.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { openStation } from "../browser/station.mjs";

/** @import { Station } from "../browser/station.mjs" */

const run = promisify(execFile);
const bin = resolve(process.env.SATREEL_BIN ?? resolve(import.meta.dirname, "../../bin"));
/** Programs that hang are ended. */
const LIMIT = { timeout: 60_000 };

/** In a group of its own, which ends with it. @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} [more] */
function start(program, args, more) {
  const env = { ...process.env, ...more };
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true, env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => child.once("exit", () => resolve()));
  return {
    ended,
    said: () => said,
    async end() {
      try {
        process.kill(-(/** @type {number} */ (child.pid)), "SIGKILL");
      } catch {
        // All of it has ended already.
      }
      await ended;
    },
  };
}

/** Waits until the channel plays. @param {Station} station @param {ReturnType<typeof start>} publisher */
async function onAir(station, publisher) {
  let gone = false;
  void publisher.ended.then(() => (gone = true));
  for (;;) {
    const channel = await (await fetch(`${station.url}/api/channels/news`)).json();
    if (channel.state === "live" && channel.title !== null) return channel.title.id;
    assert.ok(!gone, `it ended:\n${publisher.said()}\n${station.log.join("\n")}`);
  }
}

/** A grant's multivariant playlist. @param {Station} station @param {string} title */
async function playlist({ url }, title) {
  const response = await fetch(`${url}/api/grants`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ title }),
  });
  const { master_url: path } = await response.json();
  return new URL(path, url).href;
}

/** What independent eyes say of it. @param {Station} station @param {string} title */
async function inOrder(station, title) {
  const args = ["verify", station.page, "--seconds", "8", "--json"];
  const { stdout } = await run(join(bin, "satreel-transcoder"), args, LIMIT).catch((it) => it);
  assert.deepEqual(JSON.parse(stdout), { ok: true, findings: [] });
  const entries = ["-show_entries", "stream=codec_name,profile,width,height", "-of", "json"];
  const url = await playlist(station, title);
  const probed = await run("ffprobe", ["-v", "error", ...entries, url], LIMIT);
  /** @type {any[]} */
  const streams = JSON.parse(probed.stdout).streams;
  const picture = streams.find(({ codec_name: codec }) => codec === "h264");
  assert.deepEqual([picture.width, picture.height], [1280, 720]);
  assert.ok(streams.some(({ codec_name: codec }) => codec === "aac"));
  return url;
}

test("GStreamer publishes, and reads", async (t) => {
  const station = await openStation({ tiers: [] });
  t.after(() => station.close());
  const publisher = start("gst-launch-1.0", [
    ...["-q", "flvmux", "name=mux", "streamable=true", "!"],
    ...["rtmp2sink", `location=${station.publishUrl}`],
    ...["videotestsrc", "is-live=true", "!"],
    ...["video/x-raw,format=I420,width=1280,height=720,framerate=30/1", "!"],
    ...["x264enc", "tune=zerolatency", "key-int-max=60", "speed-preset=ultrafast", "!"],
    ...["h264parse", "!", "mux."],
    ...["audiotestsrc", "is-live=true", "!", "audioconvert", "!"],
    ...["avenc_aac", "!", "aacparse", "!", "mux."],
  ]);
  t.after(() => publisher.end());
  const url = await inOrder(station, await onAir(station, publisher));
  await run(
    "gst-launch-1.0",
    [
      ...["-q", "uridecodebin3", `uri=${url}`, "name=both", "both.", "!", "queue", "!"],
      ...["videoconvert", "!", "fakesink", "num-buffers=60"],
    ],
    LIMIT,
  );
});

test("OBS publishes, with the settings that README names", async (t) => {
  const station = await openStation({ tiers: [] });
  t.after(() => station.close());
  const home = await mkdtemp(join(tmpdir(), "satreel-obs-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  await settings(join(home, "obs-studio"), station.publishUrl);
  const publisher = start(
    "xvfb-run",
    [
      ...["-a", "-s", "-screen 0 1280x800x24"],
      ...["obs", "--startstreaming", "--profile", "T", "--collection", "T", "--multi"],
    ],
    { HOME: home, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home, QT_QPA_PLATFORM: "xcb" },
  );
  t.after(() => publisher.end());
  const title = await onAir(station, publisher);
  await inOrder(station, title);
  const { broadcast } = await station.studio("GET", "/channels/news");
  const { health } = broadcast;
  t.diagnostic(`the ingest doctor on OBS: ${JSON.stringify(health)}`);
  assert.equal(health.keyframes_apart_ms, 2000, "the keyframe interval is what was set");
});

/** @param {string} folder @param {string} publishUrl */
async function settings(folder, publishUrl) {
  const profile = join(folder, "basic/profiles/T");
  await mkdir(profile, { recursive: true });
  await mkdir(join(folder, "basic/scenes"), { recursive: true });
  const [, server, key] = publishUrl.match(/^(.*)\/([^/]*)$/) ?? [];
  await writeFile(
    join(folder, "global.ini"),
    // `FirstRun` keeps its assistant away.
    `[General]
FirstRun=true
EnableAutoUpdates=false
[Basic]
Profile=T
ProfileDir=T
SceneCollection=T
SceneCollectionFile=T
[OBSWebSocket]
FirstLoad=false
ServerEnabled=false
`,
  );
  await writeFile(
    join(profile, "basic.ini"),
    `[General]
Name=T
[Output]
Mode=Simple
[SimpleOutput]
VBitrate=2500
StreamEncoder=x264
Preset=veryfast
ABitrate=128
UseAdvanced=true
x264Settings=keyint=60
[Video]
BaseCX=1280
BaseCY=720
OutputCX=1280
OutputCY=720
FPSType=0
FPSCommon=30
`,
  );
  const service = {
    type: "rtmp_custom",
    settings: { server, key, bwtest: false, use_auth: false },
  };
  await writeFile(join(profile, "service.json"), JSON.stringify(service));
  const scene = {
    name: "T",
    current_scene: "S",
    current_program_scene: "S",
    scene_order: [{ name: "S" }],
    sources: [
      { id: "scene", name: "S", settings: { items: [{ name: "C", visible: true }] } },
      {
        id: "color_source_v3",
        name: "C",
        settings: { color: 0xff665522, width: 1280, height: 720 },
      },
    ],
    groups: [],
    transitions: [],
  };
  await writeFile(join(folder, "basic/scenes/T.json"), JSON.stringify(scene));
}
