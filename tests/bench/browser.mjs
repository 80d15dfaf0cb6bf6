// @ts-check
// Sales in Chromium: tests/browser/bench.mjs, within a time.

import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

import { bin } from "./program.mjs";
import { atMost } from "./table.mjs";

/** @import { Row } from "./table.mjs" */

const SALES = 20;
const GOAL_MS = 300;
const LIMIT_MS = 150_000;
const script = resolve(import.meta.dirname, "../browser/bench.mjs");

/** @returns {Promise<Row[]>} */
export async function browser() {
  for (const needed of [script, join(bin, "satreel-transcoder")]) {
    await access(needed).catch(() => {
      throw new Error(`${needed} is missing: run \`make build\` first`);
    });
  }
  const figures = JSON.parse(await measured());
  const { settle_to_token: token, settle_to_first_new_frame: frame } = figures;
  return [
    atMost("settle → token in Chromium, p50", token.p50_ms, "ms", { note: `${SALES} sales` }),
    atMost("settle → first new frame in Chromium, p50", frame.p50_ms, "ms", { goal: GOAL_MS }),
  ];
}

/** What the script prints. */
async function measured() {
  // In a group of its own, so that a browser that hangs ends with it.
  const child = spawn(process.execPath, [script, String(SALES)], {
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
    throw new Error(`tests/browser/bench.mjs failed: ${why}\n${log}`);
  }
  return out;
}
