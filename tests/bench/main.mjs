// @ts-check
// All measurements, one after another so that none disturbs the next, and the table.

import { mkdtemp, rm } from "node:fs/promises";
import { cpus, availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";

import { backup } from "./backup.mjs";
import { browser, liveInBrowser } from "./browser.mjs";
import { credentials } from "./credentials.mjs";
import { live } from "./live/index.mjs";
import { lnd } from "./lnd.mjs";
import { replay } from "./replay.mjs";
import { sale } from "./sale.mjs";
import { serving } from "./serving.mjs";
import { start } from "./start.mjs";
import { transcoder } from "./transcoder.mjs";
import { waiting } from "./waiting.mjs";
import { print } from "./table.mjs";

/** @import { Row } from "./table.mjs" */

/** @type {[string, (folder: string) => Promise<Row[]>][]} */
const parts = [
  ["token check", credentials],
  ["start with 10,000 titles", start],
  ["settlement replay", replay],
  ["sale", sale],
  ["sale on LND", lnd],
  ["backups of a node", backup],
  ["viewers who wait", waiting],
  ["serving beside nginx", serving],
  ["films beside ffmpeg", transcoder],
  ["broadcasts beside nginx-rtmp and ffmpeg", live],
  ["sale in Chromium", browser],
  ["a broadcast in Chromium", liveInBrowser],
];

const began = performance.now();
const load = loadavg()[0]?.toFixed(2);
const folder = await mkdtemp(join(tmpdir(), "satreel-bench-"));
/** @type {Row[]} */
const rows = [];
try {
  for (const [what, measure] of parts) {
    process.stderr.write(`Measuring: ${what}\n`);
    try {
      rows.push(...(await measure(folder)));
    } catch (error) {
      const [why] = String(error instanceof Error ? error.message : error).split("\n");
      rows.push({ what, fault: why ?? "" });
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

const took = Math.round((performance.now() - began) / 1000);
console.log(`
make bench · ${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}) · load before: ${load} · ${took} s
`);
print(rows);
process.exitCode = rows.some((row) => row.fault !== undefined) ? 1 : 0;
