// @ts-check
// The first start of a shop with a long past: benches/replay.rs, run once more here.

import { run } from "./program.mjs";
import { atMost } from "./table.mjs";

export async function replay() {
  const args = ["bench", "--quiet", "--locked", "-p", "satreel", "--bench", "replay"];
  const { stdout } = await run("cargo", args);
  const { invoices, empty_ms, full_ms } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  const many = Number(invoices).toLocaleString("en");
  return [
    atMost(`${many} settlements into an empty record`, empty_ms / 1000, "s", { digits: 2 }),
    atMost("the same start with the record full", full_ms / 1000, "s", { digits: 2 }),
  ];
}
