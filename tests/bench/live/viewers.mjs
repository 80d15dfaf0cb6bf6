// @ts-check
// Viewers of a broadcast as bytes on sockets: one who takes every part as it comes, and a thousand who
// wait for the same one.

import { once } from "node:events";
import { connect } from "node:net";

import { Client } from "../program.mjs";
import { micros, stamps } from "./publisher.mjs";

/** @typedef {{ base: string, video: string, id: string }} Watch what a grant opens */

/** What comes next, by a playlist. @param {string} playlist */
function edge(playlist) {
  const hint = playlist.match(/^#EXT-X-PRELOAD-HINT:.*URI="([^"]+-\d+\.(\d+)\.m4s)"/m);
  if (!hint) throw new Error(`no hint:\n${playlist.slice(-300)}`);
  const first = Number(playlist.match(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m)?.[1]);
  return {
    uri: String(hint[1]),
    segment: first + (playlist.match(/^#EXTINF:/gm) ?? []).length,
    part: Number(hint[2]),
  };
}

/**
 * Asks for each part before it is there, as players do. For how long each frame was on its way, in
 * milliseconds.
 *
 * @param {number} port
 * @param {Watch} watch
 * @param {number} lastingMs
 */
export async function follow(port, { base, video }, lastingMs) {
  const [lists, parts] = [new Client(port), new Client(port)];
  /** @type {number[]} */
  const late = [];
  try {
    let next = edge((await lists.get(base + video)).toString());
    for (const until = performance.now() + lastingMs; performance.now() < until;) {
      const [list] = await Promise.all([
        lists.get(`${base}${video}?_HLS_msn=${next.segment}&_HLS_part=${next.part}`),
        had(parts, base + next.uri).then((frames) => late.push(...frames)),
      ]);
      next = edge(list.toString());
    }
    return late;
  } finally {
    lists.close();
    parts.close();
  }
}

/** @param {Client} client @param {string} path @returns {Promise<number[]>} */
async function had(client, path) {
  const answer = await client.open("GET", path);
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  const now = micros();
  // A part that its segment's end forestalled is absent.
  if (answer.statusCode === 404) return [];
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode}`);
  return stamps(Buffer.concat(chunks)).map((sent) => (now - sent) / 1000);
}

/**
 * How long it takes from the first who is woken to the last, in milliseconds, for some parts.
 *
 * @param {number} port
 * @param {Watch} watch
 * @param {number} count
 */
export async function wake(port, { base, video }, count) {
  const client = new Client(port);
  const sockets = Array.from({ length: count }, () => connect(port, "127.0.0.1"));
  try {
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    /** @type {number[]} */
    const spreads = [];
    while (spreads.length < 9) {
      // Two parts ahead, so that all wait before it comes.
      let { segment, part } = edge((await client.get(base + video)).toString());
      part += 3;
      if (part > 8) [segment, part] = [segment + 1, 1];
      const request =
        `GET ${base}${video}?_HLS_msn=${segment}&_HLS_part=${part} HTTP/1.1\r\n` +
        "host: 127.0.0.1\r\naccept-encoding: gzip\r\n\r\n";
      const times = await Promise.all(sockets.map((socket) => woken(socket, request)));
      const [first, last] = [Math.min(...times), Math.max(...times)];
      spreads.push(last - first);
    }
    return spreads;
  } finally {
    client.close();
    for (const socket of sockets) socket.destroy();
  }
}

/** When the answer's first bytes came; returns once it is whole. @param {import("node:net").Socket} socket @param {string} request */
function woken(socket, request) {
  return new Promise((resolve, reject) => {
    let at = 0;
    let heard = Buffer.alloc(0);
    const take = (/** @type {Buffer} */ data) => {
      if (at === 0) at = performance.now();
      heard = Buffer.concat([heard, data]);
      const head = heard.indexOf("\r\n\r\n");
      if (head < 0) return;
      const text = heard.subarray(0, head).toString("latin1");
      const length = Number(text.match(/^content-length: (\d+)/im)?.[1]);
      if (!text.startsWith("HTTP/1.1 200")) reject(new Error(text));
      if (heard.length < head + 4 + length) return;
      socket.off("data", take);
      resolve(at);
    };
    socket.on("data", take);
    socket.once("close", () => reject(new Error("a viewer was turned away")));
    socket.write(request);
  });
}
