// @ts-check
// The gate's arithmetic: benches/credentials.rs, run once more here.

import { run } from "./program.mjs";
import { atMost } from "./table.mjs";

const GOAL_NS = 400;

export async function credentials() {
  const args = ["bench", "--quiet", "--locked", "-p", "satreel", "--bench", "credentials"];
  const { stdout } = await run("cargo", args);
  const { access_token_ns, grant_ns } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  return [
    atMost("token check: access token", access_token_ns, "ns", { goal: GOAL_NS, digits: 0 }),
    atMost("token check: playback grant", grant_ns, "ns", { goal: GOAL_NS, digits: 0 }),
  ];
}
