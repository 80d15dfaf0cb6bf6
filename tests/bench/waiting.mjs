// @ts-check
// Many viewers who wait for their payment at once: what each costs in memory.

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:net";
import { once } from "node:events";

import { satreel } from "./program.mjs";
import { atMost } from "./table.mjs";
import { FILM, writeFilm } from "./titles.mjs";

const VIEWERS = 5000;
const AT_ONCE = 100;
const GOAL_KB = 10;

/** @param {string} folder */
export async function waiting(folder) {
  const data = join(folder, "waiting");
  await mkdir(data);
  writeFilm(data);
  const { program, client } = await satreel(data);
  /** @type {import("node:net").Socket[]} */
  const viewers = [];
  try {
    /** @type {string[]} */
    const orders = [];
    for (let number = 0; number < VIEWERS; number++) {
      orders.push((await client.post("/api/orders", { title: FILM, tier: "rent" })).order);
    }
    const before = await resident(program.pid);
    for (let at = 0; at < VIEWERS; at += AT_ONCE) {
      const some = orders.slice(at, at + AT_ONCE);
      viewers.push(...(await Promise.all(some.map((order) => wait(client.port, order)))));
    }
    const each = (await resident(program.pid)) - before;
    return [
      atMost("memory per waiting viewer", each / VIEWERS / 1000, "KB", {
        goal: GOAL_KB,
        note: `${VIEWERS.toLocaleString("en")} event streams`,
      }),
    ];
  } finally {
    for (const viewer of viewers) viewer.destroy();
    client.close();
    await program.end();
  }
}

/** Opens an event stream, and returns when its first event came. @param {number} port @param {string} order */
async function wait(port, order) {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(`GET /api/orders/${order}/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  let text = "";
  while (!text.includes("event: state")) {
    const [chunk] = await once(socket, "data");
    text += chunk;
    if (!text.startsWith("HTTP/1.1 200")) throw new Error(text);
  }
  socket.resume();
  return socket;
}

/** Bytes. @param {number | undefined} pid */
async function resident(pid) {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(text.match(/^VmRSS:\s+(\d+) kB/m)?.[1]) * 1024;
}
