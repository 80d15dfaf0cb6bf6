// @ts-check
// What is measured in Chromium, by scripts beside the browser's tests, within a time.

import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

import { bin } from "./program.mjs";
import { atMost, median, percentile } from "./table.mjs";

/** @import { Row } from "./table.mjs" */

const SALES = 20;
const GOAL_MS = 300;
const LOOKS = 200;
const STARTS = 5;
const LIMIT_MS = 240_000;

/** @returns {Promise<Row[]>} */
export async function browser() {
  const figures = await measured("bench.mjs", SALES);
  const { settle_to_token: token, settle_to_first_new_frame: frame } = figures;
  return [
    atMost("settle → token in Chromium, p50", token.p50_ms, "ms", { note: `${SALES} sales` }),
    atMost("settle → first new frame in Chromium, p50", frame.p50_ms, "ms", { goal: GOAL_MS }),
  ];
}

/** How far behind viewers of a broadcast are. @returns {Promise<Row[]>} */
export async function liveInBrowser() {
  const { behind_ms: behind, first_picture_ms: first } = await measured(
    "live-bench.mjs",
    LOOKS,
    STARTS,
  );
  return [
    atMost("glass to glass in Chromium, p50", percentile(behind, 0.5), "ms", {
      goal: 900,
      digits: 0,
      note: `${behind.length} looks at the picture, parts of 200 ms`,
    }),
    atMost("glass to glass in Chromium, p99", percentile(behind, 0.99), "ms", {
      goal: 1300,
      digits: 0,
    }),
    atMost("first frame published → first picture", median(first), "ms", {
      goal: 1200,
      digits: 0,
      note: `${first.length} broadcasts, each with its page open before`,
    }),
  ];
}

/** What a script beside the browser's tests prints. @param {string} name @param {...number} counts */
async function measured(name, ...counts) {
  const script = resolve(import.meta.dirname, "../browser", name);
  for (const needed of [script, join(bin, "satreel-transcoder")]) {
    await access(needed).catch(() => {
      throw new Error(`${needed} is missing: run \`make build\` first`);
    });
  }
  // In a group of its own, so that a browser that hangs ends with it.
  const child = spawn(process.execPath, [script, ...counts.map(String)], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const end = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    end();
  }, LIMIT_MS);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const [code, out, log] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  clearTimeout(limit);
  if (late) throw new Error(`not done within ${LIMIT_MS / 1000} s`);
  if (code !== 0) {
    // Node shows where it was thrown first, then what.
    const why = log.split("\n").find((line) => /^\S*\w: /.test(line)) ?? log.trim();
    throw new Error(`tests/browser/${name} failed: ${why}\n${log}`);
  }
  return JSON.parse(out);
}
