// @ts-check
// Broadcasts: what each costs beside nginx-rtmp and ffmpeg, how soon a frame can be had, and how many
// who wait are woken at once.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { atMost, decimal, median, percentile } from "../table.mjs";
import { follow, wake } from "./viewers.mjs";
import { Listening } from "./listening.mjs";
import { Publisher, makeReel } from "./publisher.mjs";
import { cpu, ffmpeg, memory, nginx, satreel } from "./station.mjs";

/** @import { Row } from "../table.mjs" */
/** @import { Reel } from "./publisher.mjs" */
/** @import { Ingest } from "./station.mjs" */

const ROUNDS = 3;
const STREAMS = 20;
const MANY = 50;
const SETTLE_MS = 4000;
const MEASURE_MS = 10_000;
const WAITING = 1000;
/** A part of 200 ms that was not listed when the next one is due. */
const LATE_MS = 200;

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A folder in memory. @param {string} name */
const inMemory = (name) => mkdtemp(join("/dev/shm", `satreel-bench-${name}-`));

/** @param {string[]} urls @param {Reel} reel */
async function publish(urls, reel) {
  const publishers = await Promise.all(urls.map((url) => Publisher.open(url)));
  for (const publisher of publishers) {
    publisher.play(reel);
    // Not all keyframes at once: real publishers don't begin together.
    await pause(2000 / urls.length);
  }
  return publishers;
}

/** @typedef {{ core: number, mb: number }} Cost of one stream: percent of a core, and memory */

/** @param {Ingest} ingest @param {Reel} reel @returns {Promise<Cost>} */
async function cost(ingest, reel) {
  /** @type {Publisher[]} */
  let publishers = [];
  try {
    const idle = await memory(ingest.pids);
    publishers = await publish(ingest.urls, reel);
    await pause(SETTLE_MS);
    const [before, began] = [await cpu(ingest.pids), performance.now()];
    await pause(MEASURE_MS);
    const seconds = (performance.now() - began) / 1000;
    const used = (await cpu(ingest.pids)) - before;
    const held = (await memory(ingest.pids)) - idle;
    const count = ingest.urls.length;
    return { core: (used / seconds / count) * 100, mb: held / count / 1e6 };
  } finally {
    for (const publisher of publishers) publisher.end();
    await ingest.end();
  }
}

/** By turns. @param {string} folder @param {Reel} reel @returns {Promise<Row[]>} */
async function costs(folder, reel) {
  /** @type {Record<string, Cost[]>} */
  const found = { disk: [], memory: [], nginx: [], ffmpeg: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const at = (/** @type {string} */ name) => join(folder, `${name}-${round}`);
    const live = await inMemory("live");
    /** @type {Record<string, () => Promise<Ingest>>} */
    const turns = {
      disk: () =>
        satreel(at("disk"), {
          count: STREAMS,
          live: join(at("disk"), "live"),
          record: true,
        }),
      memory: () => satreel(at("memory"), { count: STREAMS, live, record: false }),
      nginx: () => nginx(at("nginx"), STREAMS),
      ffmpeg: () => ffmpeg(at("ffmpeg"), STREAMS),
    };
    const order = Object.entries(turns);
    for (const [name, open] of round % 2 ? order.toReversed() : order) {
      found[name]?.push(await cost(await open(), reel));
      await rm(at(name), { recursive: true, force: true });
    }
    await rm(live, { recursive: true, force: true });
  }
  const of = (/** @type {string} */ name, /** @type {keyof Cost} */ key) =>
    median((found[name] ?? []).map((one) => one[key]));
  const core = (/** @type {string} */ name) => `${decimal(of(name, "core"), 2)} %`;
  const peers = `nginx-rtmp ${core("nginx")}, ffmpeg ${core("ffmpeg")}`;
  const ratio = (/** @type {string} */ name) => of(name, "core") / of("nginx", "core");
  return [
    atMost("copied 1080p stream to disk: CPU beside nginx-rtmp", ratio("disk"), "×", {
      goal: 0.55,
      digits: 2,
      note: `${core("disk")} of a core with its recording; ${peers}`,
    }),
    atMost("copied 1080p stream in memory: CPU beside nginx-rtmp", ratio("memory"), "×", {
      goal: 0.4,
      digits: 2,
      note: `${core("memory")} of a core`,
    }),
    atMost(`each of ${STREAMS} copied streams: CPU`, of("memory", "core"), "% of a core", {
      goal: 0.5,
      digits: 2,
    }),
    atMost(`each of ${STREAMS} copied streams: memory`, of("memory", "mb"), "MB", {
      goal: 10,
      note: `nginx-rtmp ${decimal(of("nginx", "mb"))}, ffmpeg ${decimal(of("ffmpeg", "mb"))} MB`,
    }),
  ];
}

/** How soon a frame can be had over HTTP, and how soon all who wait have it. @param {string} folder @param {Reel} reel */
async function latency(folder, reel) {
  const live = await inMemory("latency");
  const site = await satreel(join(folder, "latency"), {
    count: 1,
    live,
    record: false,
  });
  /** @type {Publisher[]} */
  let publishers = [];
  try {
    publishers = await publish(site.urls, reel);
    const watch = await site.watch(0);
    const late = await follow(site.client.port, watch, MEASURE_MS);
    const woken = await wake(site.client.port, watch, WAITING);
    return [
      atMost("frame sent → had over HTTP, p50", percentile(late, 0.5), "ms", {
        goal: 105,
        note: `parts of 200 ms, ${late.length} frames`,
      }),
      atMost("frame sent → had over HTTP, p99", percentile(late, 0.99), "ms", {
        goal: 175,
      }),
      atMost(`${WAITING} who wait for a part: first woken → last`, median(woken), "ms", {
        goal: 20,
        note: `median of ${woken.length} parts, in one client process`,
      }),
    ];
  } finally {
    for (const publisher of publishers) publisher.end();
    await site.end();
    await rm(live, { recursive: true, force: true });
  }
}

/** Many streams on one core: whether every part is there in time. @param {string} folder @param {Reel} reel */
async function many(folder, reel) {
  const live = await inMemory("many");
  const how = { count: MANY, live, record: false, core: 0 };
  const site = await satreel(join(folder, "many"), how);
  /** @type {Publisher[]} */
  let publishers = [];
  try {
    publishers = await publish(site.urls, reel);
    await pause(SETTLE_MS);
    const listening = await Listening.open(live);
    const [before, began] = [await cpu(site.pids), performance.now()];
    await pause(MEASURE_MS);
    const used = ((await cpu(site.pids)) - before) / ((performance.now() - began) / 1000);
    const lateness = listening.close();
    const bad = lateness.filter((ms) => ms > LATE_MS).length;
    return [
      atMost(`late parts of ${MANY} streams on one core`, bad, "", {
        goal: 0,
        digits: 0,
        note:
          `of ${lateness.length}; last frame → listed p99 ${decimal(percentile(lateness, 0.99))} ms, ` +
          `${decimal(used * 100, 0)} % of the core`,
      }),
    ];
  } finally {
    for (const publisher of publishers) publisher.end();
    await site.end();
    await rm(live, { recursive: true, force: true });
  }
}

/** @param {string} folder @returns {Promise<Row[]>} */
export async function live(folder) {
  const place = join(folder, "live");
  await mkdir(place, { recursive: true });
  const reel = makeReel(join(place, "reel.flv"), 20);
  return [
    ...(await latency(place, reel)),
    ...(await many(place, reel)),
    ...(await costs(place, reel)),
  ];
}

// By itself: node tests/bench/live/index.mjs
if (
  process.argv[1] !== undefined &&
  basename(import.meta.dirname) === "live" &&
  import.meta.filename === process.argv[1]
) {
  const { print } = await import("../table.mjs");
  const folder = await mkdtemp(join(tmpdir(), "satreel-bench-"));
  print(await live(folder));
  await rm(folder, { recursive: true, force: true });
}
