// @ts-check
// A site with channels under measurement, and the programs that it is compared with.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { Client, Program, bin, run } from "../program.mjs";

/** Clock ticks a second (`getconf CLK_TCK`), which Linux has fixed for programs. */
const TICKS = 100;

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Seconds of CPU that processes have used, with those that they started and saw end. @param {number[]} pids */
export async function cpu(pids) {
  let sum = 0;
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    for (const ticks of fields.slice(11, 15)) sum += Number(ticks) / TICKS;
  }
  return sum;
}

/** Bytes that processes hold, what they share counted once. @param {number[]} pids */
export async function memory(pids) {
  let sum = 0;
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
    sum += Number(text.match(/^Pss:\s+(\d+) kB/m)?.[1]) * 1024;
  }
  return sum;
}

/** A process and those that it started. @param {number} pid @returns {Promise<number[]>} */
export async function family(pid) {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const theirs = children.split(" ").filter(Boolean).map(Number).map(family);
  return [pid, ...(await Promise.all(theirs)).flat()];
}

/**
 * Something that takes broadcasts in.
 *
 * @typedef {object} Ingest
 * @property {string[]} urls where to publish, one a stream
 * @property {number[]} pids what is measured
 * @property {() => Promise<void>} end
 */

/**
 * Our own two programs with channels of 200 ms parts.
 *
 * @param {string} data
 * @param {{ count: number, live: string, record: boolean, core?: number }} how `core`: the only one that the
 *   transcoder may use
 */
export async function satreel(data, { count, live, record, core }) {
  await mkdir(data, { recursive: true });
  await mkdir(live, { recursive: true });
  const port = await freePort();
  const config = join(data, "satreel.toml");
  await writeFile(
    config,
    `[site]
name = "Bench"
url = "http://127.0.0.1:1"
data = ${JSON.stringify(data)}
[server]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]
[payments]
backend = "wallet"
[transcoder]
sandbox = "best-effort"
[limits]
grants_per_minute = 1000000
looks_per_minute = 1000000
[live]
listen = "127.0.0.1:${port}"
folder = ${JSON.stringify(live)}
`,
  );
  const urls = [];
  for (let number = 0; number < count; number++) {
    const name = `c${number}`;
    const added = await run(join(bin, "satreel"), [
      ...["channel", "add", name, "--json", "--config", config],
    ]);
    urls.push(JSON.parse(added.stdout).publish_url);
    const file = join(data, "channels", `${name}.json`);
    const channel = JSON.parse(await readFile(file, "utf8"));
    Object.assign(channel, { mode: "fast", part_ms: 200, record, tiers: [] });
    await writeFile(file, JSON.stringify(channel));
  }
  const server = new Program(join(bin, "satreel"), ["serve", "--config", config]);
  const [, web] = await server.says(/serving address=127\.0\.0\.1:(\d+)/);
  const command = [join(bin, "satreel-transcoder"), "run", "--config", config];
  if (core !== undefined) command.unshift("taskset", "-c", String(core));
  const transcoder = new Program(/** @type {string} */ (command[0]), command.slice(1));
  await transcoder.says(/\bRTMP\b/);
  const client = new Client(Number(web));
  return {
    urls,
    client,
    live,
    server,
    transcoder,
    pids: [/** @type {number} */ (transcoder.pid)],
    async end() {
      client.close();
      await transcoder.end();
      await server.end();
    },
    /** A grant for what is on air on a channel, once something is. @param {number} number */
    async watch(number) {
      const { id } = await onAir(client, `/api/channels/c${number}/events`);
      const grant = await client.post("/api/grants", { title: id });
      const master = (await client.get(grant.master_url)).toString();
      const video = master.match(/^[^#].*\.m3u8$/m)?.[0] ?? "";
      return { base: grant.master_url.replace(/[^/]*$/, ""), video, id };
    },
  };
}

/** The title that a channel's own events tell of. @param {Client} client @param {string} path */
async function onAir(client, path) {
  const events = await client.open("GET", path);
  let text = "";
  for await (const chunk of events) {
    text += chunk;
    for (const [, data] of text.matchAll(/^data: (.*)\n/gm)) {
      const { title } = JSON.parse(data ?? "");
      if (title) return title;
    }
  }
  throw new Error(`${path} ended before anything was on air`);
}

/** nginx-rtmp, which writes HLS segments of two seconds. @param {string} folder @param {number} count @returns {Promise<Ingest>} */
export async function nginx(folder, count) {
  await mkdir(join(folder, "hls"), { recursive: true });
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  await writeFile(
    config,
    `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${join(folder, "pid")};
error_log ${join(folder, "error.log")};
events { worker_connections 256; }
rtmp {
  server {
    listen 127.0.0.1:${port};
    chunk_size 65536;
    max_message 8M;
    application live {
      live on;
      hls on;
      hls_path ${join(folder, "hls")};
      hls_fragment 2s;
      hls_playlist_length 60s;
    }
  }
}
`,
  );
  const program = new Program("nginx", [
    "-c",
    config,
    "-p",
    folder,
    "-e",
    join(folder, "error.log"),
  ]);
  const pid = /** @type {number} */ (program.pid);
  let pids = [pid];
  while (pids.length < 2) pids = await family(pid);
  const urls = Array.from({ length: count }, (_, at) => `rtmp://127.0.0.1:${port}/live/s${at}`);
  return { urls, pids, end: () => program.end() };
}

/** ffmpeg's own hls muxer, one process a stream. @param {string} folder @param {number} count @returns {Promise<Ingest>} */
export async function ffmpeg(folder, count) {
  const programs = [];
  const urls = [];
  for (let at = 0; at < count; at++) {
    const out = join(folder, `s${at}`);
    await mkdir(out, { recursive: true });
    const url = `rtmp://127.0.0.1:${await freePort()}/live/s${at}`;
    urls.push(url);
    programs.push(
      new Program("ffmpeg", [
        ...["-nostdin", "-v", "error", "-listen", "1", "-i", url, "-c", "copy"],
        ...["-f", "hls", "-hls_time", "2", "-hls_list_size", "30", "-hls_flags", "delete_segments"],
        ...["-hls_segment_type", "fmp4", join(out, "index.m3u8")],
      ]),
    );
  }
  const pids = programs.map(({ pid }) => /** @type {number} */ (pid));
  return {
    urls,
    pids,
    async end() {
      await Promise.all(programs.map((program) => program.end()));
    },
  };
}
