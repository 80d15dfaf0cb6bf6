// @ts-check
// A station on air: the real server and the real transcoder, each a program of its own, and ffmpeg,
// which publishes a picture that carries the time at which it was sent.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** @import { ChildProcess } from "node:child_process" */
/** @import { Page } from "../../player/node_modules/playwright-core" */

const run = promisify(execFile);
const bin = resolve(process.env.SATREEL_BIN ?? resolve(import.meta.dirname, "../../bin"));

/** The clock's boxes: bits of the milliseconds since its start, in steps of a frame. */
export const BITS = 16;
/** A frame's milliseconds. */
export const FRAME_MS = 40;
const BOX = 32;

/** Every program that runs: none outlives the test, however that ends. @type {Set<ChildProcess>} */
const running = new Set();
const endAll = () => running.forEach((child) => child.kill("SIGKILL"));
process.once("exit", endAll);
for (const signal of /** @type {const} */ (["SIGTERM", "SIGINT"])) {
  process.once(signal, () => process.exit(1));
}

/** @param {ChildProcess} child */
function watched(child) {
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** A port that was free a moment ago: both programs are started again at the same one. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @param {string} program @param {string[]} args @param {RegExp} ready @param {string[]} log */
async function start(program, args, ready, log) {
  const child = spawn(join(bin, program), args, { stdio: ["ignore", "ignore", "pipe"] });
  watched(child);
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => child.once("exit", () => resolve()));
  await new Promise((resolve, reject) => {
    createInterface({ input: /** @type {import("node:stream").Readable} */ (child.stderr) }).on(
      "line",
      (line) => {
        log.push(`${program}: ${line}`);
        if (ready.test(line)) resolve(undefined);
      },
    );
    void ended.then(() => reject(new Error(`${program} ended early:\n${log.join("\n")}`)));
  });
  return { child, ended };
}

/** @typedef {Awaited<ReturnType<typeof openStation>>} Station */

/**
 * A station with one channel, `news`.
 *
 * @param {Record<string, unknown>} settings
 * @param {string} live More lines of the section `[live]`.
 */
export async function openStation(settings = {}, live = "") {
  const data = await mkdtemp(join(tmpdir(), "satreel-station-"));
  const [web, rtmp] = [await freePort(), await freePort()];
  const config = join(data, "satreel.toml");
  await writeFile(
    config,
    `[site]
name = "Satreel"
url = "http://127.0.0.1:${web}"
data = ${JSON.stringify(data)}
[server]
listen = "127.0.0.1:${web}"
[payments]
backend = "wallet"
[transcoder]
sandbox = "best-effort"
[live]
credit_after_s = 1
listen = "127.0.0.1:${rtmp}"
${live}
`,
  );
  /** @type {string[]} */
  const log = [];
  const serve = () => start("satreel", ["serve", "--config", config], /serving address=/, log);
  const transcode = () => start("satreel-transcoder", ["run", "--config", config], /\bRTMP\b/, log);
  let server = await serve();
  let transcoder = await transcode();
  const url = `http://127.0.0.1:${web}`;
  const made = await run(join(bin, "satreel"), [
    ...["channel", "add", "news", "--name", "The News", "--ticket", "70"],
    ...["--json", "--config", config],
  ]);
  const { publish_url: publishUrl } = JSON.parse(made.stdout);
  const { stdout } = await run(join(bin, "satreel"), ["studio-key", "--config", config]);
  const key = stdout.trim();

  /** @param {string} method @param {string} path @param {unknown} [body] */
  const studio = async (method, path, body) => {
    const response = await fetch(`${url}/api/studio${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    assert.ok(response.ok, await response.clone().text());
    return response.status === 204 ? null : response.json();
  };
  await studio("PATCH", "/channels/news", settings);
  /** @type {Set<ChildProcess>} */
  const publishers = new Set();

  return {
    url,
    publishUrl,
    data,
    log,
    page: `${url}/live/news`,
    studio,
    /** A link that opens the studio, once. */
    async studioLink() {
      const made = await run(join(bin, "satreel"), ["studio-link", "--config", config]);
      return made.stdout.trim();
    },
    /** Publishes the clock until it is stopped; resolves to when its first frame was made. */
    publish() {
      const child = spawn("ffmpeg", clock(publishUrl), { stdio: ["ignore", "ignore", "pipe"] });
      publishers.add(watched(child));
      let said = "";
      child.stderr.on("data", (text) => (said += text));
      /** @type {Promise<void>} */
      const ended = new Promise((resolve) => child.once("exit", () => resolve()));
      return {
        said: () => said,
        /** kill -9 */
        async kill() {
          child.kill("SIGKILL");
          await ended;
          publishers.delete(child);
        },
      };
    },
    /** The transcoder's process. */
    transcoder: () => /** @type {number} */ (transcoder.child.pid),
    /** kill -9 of the server, and another in its place. */
    async restartServer() {
      server.child.kill("SIGKILL");
      await server.ended;
      server = await serve();
    },
    /** The same for the transcoder. */
    async restartTranscoder() {
      transcoder.child.kill("SIGKILL");
      await transcoder.ended;
      transcoder = await transcode();
    },
    /** Pays as a person at another device would. @param {string} request */
    async pay(request) {
      const response = await fetch(`${url}/wallet/pay`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ payment_request: request }),
      });
      assert.equal(response.status, 200, await response.clone().text());
    },
    async close() {
      for (const child of publishers) child.kill("SIGKILL");
      for (const { child, ended } of [transcoder, server]) {
        child.kill("SIGTERM");
        await ended;
      }
      await rm(data, { recursive: true, force: true });
    },
  };
}

/**
 * ffmpeg's arguments: boxes along the top, one a bit, white or black, of the frame's own wall clock
 * time in frames. Read back from the picture, they say when the frame was made.
 *
 * @param {string} url
 */
function clock(url) {
  const frame = `mod(floor(time(0)*1000/${FRAME_MS})\\,pow(2\\,${BITS}))`;
  const bit = `mod(floor(st(0\\,${frame})/pow(2\\,floor(X/${BOX})))\\,2)`;
  const luma = `if(lt(Y\\,${BOX})*lt(X\\,${BITS * BOX})\\,${bit}*219+16\\,lum(X\\,Y))`;
  return [
    ...["-nostdin", "-v", "error", "-re"],
    ...["-f", "lavfi", "-i", `color=c=0x305070:s=640x360:r=${1000 / FRAME_MS}`],
    ...["-f", "lavfi", "-i", "sine=f=440:r=48000"],
    ...["-vf", `geq=lum='${luma}':cb='cb(X\\,Y)':cr='cr(X\\,Y)',format=yuv420p`],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "50"],
    ...["-x264-params", "scenecut=0", "-b:v", "1500k", "-c:a", "aac", "-b:a", "96k"],
    ...["-f", "flv", url],
  ];
}

/**
 * How far behind its making the picture is that the page shows, in milliseconds.
 *
 * @param {Page} page
 * @param {number} scale How large it is, of what was sent.
 */
export const behind = (page, scale = 1) =>
  page.evaluate(
    ({ bits, box, frameMs }) => {
      const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      context.drawImage(video, 0, 0);
      let frame = 0;
      for (let bit = 0; bit < bits; bit++) {
        const at = context.getImageData(bit * box + box / 2, box / 2, 1, 1).data;
        if ((at[1] ?? 0) > 127) frame += 2 ** bit;
      }
      const now = Math.floor(Date.now() / frameMs) % 2 ** bits;
      return ((now - frame + 2 ** bits) % 2 ** bits) * frameMs;
    },
    { bits: BITS, box: BOX * scale, frameMs: FRAME_MS },
  );
