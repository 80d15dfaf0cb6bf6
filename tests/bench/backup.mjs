// @ts-check
// From a change in LND to copies that were read back: backup/benches/follow.rs, run once more here.

import { run } from "./program.mjs";
import { atMost } from "./table.mjs";

export async function backup() {
  const args = ["bench", "--quiet", "--locked", "-p", "satreel-backup", "--bench", "follow"];
  const { stdout } = await run("cargo", args);
  const found = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  const { changes, p50_ms, p99_ms, resident_mb, wakes_per_s } = found;
  const { far_p50_ms, far_resident_mb } = found;
  return [
    atMost(`${changes} channels → copies at two folders, median`, p50_ms, "ms", { digits: 0 }),
    atMost("the slowest of them", p99_ms, "ms", { digits: 0 }),
    atMost("the guardian waiting: memory", resident_mb, "MB", { digits: 1, goal: 10 }),
    atMost("the guardian waiting: wakes a second", wakes_per_s, "", { digits: 2 }),
    atMost("the same over SFTP and to S3, median", far_p50_ms, "ms", { digits: 0 }),
    atMost("the guardian waiting then: memory", far_resident_mb, "MB", { digits: 1, goal: 10 }),
  ];
}
