// @ts-check
// A large site: from starting the program to its first answer, and what it holds in memory.

import { mkdir, readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

import { satreel } from "./program.mjs";
import { atMost, decimal, median } from "./table.mjs";
import { writeLibrary } from "./titles.mjs";

const TITLES = 10_000;
const STARTS = 5;
const GOAL_S = 0.3;
const GOAL_MB = 25;

/** @param {string} folder */
export async function start(folder) {
  const data = join(folder, "start");
  await mkdir(data);
  writeLibrary(data, TITLES);
  const seconds = [];
  const megabytes = [];
  const peaks = [];
  // The first start makes keys and databases and is not counted.
  for (let number = 0; number <= STARTS; number++) {
    const began = performance.now();
    const { program, client } = await satreel(data);
    try {
      await client.get("/healthz");
      const answered = performance.now();
      const { pid, log } = program;
      if (pid === undefined) throw new Error("no process");
      // In use: every folder watched, the storefront shown, a search made.
      await allWatched(pid, log);
      await client.get("/");
      const { titles } = JSON.parse(String(await client.get("/api/titles?q=harbour")));
      if (!titles?.length) throw new Error("the search finds nothing");
      const memory = await status(pid);
      if (number === 0) continue;
      seconds.push((answered - began) / 1000);
      megabytes.push(memory.resident);
      peaks.push(memory.peak);
    } finally {
      client.close();
      await program.end();
    }
  }
  const note = `peak ${decimal(median(peaks))} MB`;
  return [
    atMost("start with 10,000 titles", median(seconds), "s", { goal: GOAL_S, digits: 3 }),
    atMost("memory with 10,000 titles", median(megabytes), "MB", { goal: GOAL_MB, note }),
  ];
}

/** In MB as the goal means them: the kernel's kB are 1024 bytes. @param {number} pid */
async function status(pid) {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  const of = (/** @type {string} */ key) =>
    (Number(text.match(new RegExp(`^${key}:\\s+(\\d+) kB`, "m"))?.[1]) * 1024) / 1e6;
  return { resident: of("VmRSS"), peak: of("VmHWM") };
}

/** Looks at the process until inotify watches every title. @param {number} pid @param {string[]} log */
async function allWatched(pid, log) {
  const until = performance.now() + 10_000;
  for (;;) {
    // The server has said that the kernel allows fewer: that is all there will be.
    if (log.some((line) => line.includes("not every title can be watched"))) return;
    const count = await watches(pid);
    if (count >= TITLES) return;
    if (performance.now() > until) throw new Error(`only ${count} titles came to be watched`);
  }
}

/** @param {number} pid */
async function watches(pid) {
  const folder = `/proc/${pid}/fd`;
  let count = 0;
  for (const descriptor of await readdir(folder)) {
    const target = await readlink(join(folder, descriptor)).catch(() => "");
    if (target !== "anon_inode:inotify") continue;
    const info = await readFile(`/proc/${pid}/fdinfo/${descriptor}`, "utf8");
    count += info.split("\ninotify wd:").length - 1;
  }
  return count;
}
