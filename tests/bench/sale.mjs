// @ts-check
// A sale over HTTP, as the film page makes it: order, event stream, payment, ticket for token.
//
// The clock of "settle → token" starts when the payment is sent to the wallet, so that the
// wallet's own work, two commits to the disk, is inside.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { satreel } from "./program.mjs";
import { atMost, percentile } from "./table.mjs";
import { FILM, writeFilm } from "./titles.mjs";

/** @import { IncomingMessage } from "node:http" */
/** @import { Client } from "./program.mjs" */

const ROUNDS = 300;
const WARM_UP = 20;
const GOAL_MS = 50;

/** @param {string} folder */
export async function sale(folder) {
  const data = join(folder, "sale");
  await mkdir(data);
  writeFilm(data);
  const { program, client } = await satreel(data);
  try {
    const rounds = [];
    for (let number = 0; number < WARM_UP + ROUNDS; number++) rounds.push(await round(client));
    const counted = rounds.slice(WARM_UP);
    const orders = counted.map(({ order }) => order);
    const tokens = counted.map(({ token }) => token);
    const note = `${ROUNDS} sales`;
    return [
      atMost("order → invoice, p50", percentile(orders, 0.5), "ms", { note }),
      atMost("order → invoice, p99", percentile(orders, 0.99), "ms"),
      atMost("settle → token, p50", percentile(tokens, 0.5), "ms", { note }),
      atMost("settle → token, p99", percentile(tokens, 0.99), "ms", { goal: GOAL_MS }),
    ];
  } finally {
    client.close();
    await program.end();
  }
}

/** One sale: milliseconds from order to invoice, and from payment to token. @param {Client} client */
async function round(client) {
  const ordered = performance.now();
  const order = await client.post("/api/orders", { title: FILM, tier: "rent" });
  const invoiced = performance.now();

  const events = states(await client.open("GET", `/api/orders/${order.order}/events`));
  await until(events, "open");
  const paid = performance.now();
  const payment = client.post("/wallet/pay", { payment_request: order.payment_request });
  await until(events, "settled");
  const { token } = await client.post("/api/tokens", { ticket: order.ticket });
  const unlocked = performance.now();
  await payment;
  if (typeof token !== "string") throw new Error("no token came");
  // Read to its end, so that its connection serves the next sale.
  for await (const state of events) throw new Error(`after settled came ${state}`);
  return { order: invoiced - ordered, token: unlocked - paid };
}

/** The states that an event stream tells. @param {IncomingMessage} answer */
async function* states(answer) {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    const events = (text + chunk).split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = event.match(/^data: ?(.*)$/m)?.[1];
      if (data) yield String(JSON.parse(data).state);
    }
  }
}

/** @param {AsyncGenerator<string>} events @param {string} wanted */
async function until(events, wanted) {
  const { value, done } = await events.next();
  if (done || value !== wanted) throw new Error(`the event stream told ${value}, not ${wanted}`);
}
