// @ts-check
// A sale on a real LND pair: what stands between the node and the viewer.
//
// "order → BOLT11" is set beside LND's own AddInvoice, taken in turns. "settle → event" is the time
// from the node's own stream telling of the settlement to the event in a page of Chromium; the page
// may hear first, since both hear from the same node, so single figures may be below zero.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { launch } from "../browser/browser.mjs";
import { openPair, payments } from "../lnd/pair.mjs";
import { l402 } from "./l402.mjs";
import { satreel } from "./program.mjs";
import { atMost, decimal, median, percentile } from "./table.mjs";
import { FILM, writeFilm } from "./titles.mjs";

/** @import { Page } from "../../player/node_modules/playwright-core" */
/** @import { Client } from "./program.mjs" */
/** @import { Pair } from "../lnd/pair.mjs" */

const INVOICES = 200;
const SALES = 150;
const WARM_UP = 10;
/** How many orders are under way at once when their rate is measured. */
const AT_ONCE = 16;
const RATE_S = 4;
const OVER_LND_MS = 1;

/** @param {string} folder */
export async function lnd(folder) {
  const data = join(folder, "lnd");
  await mkdir(data);
  writeFilm(data);
  const pair = await openPair();
  try {
    const { program, client } = await satreel(data, payments(pair.shop));
    try {
      await ready(client);
      return [
        ...(await invoices(client, pair)),
        ...(await events(client, pair)),
        ...(await l402(client, pair)),
        await rate(client),
      ];
    } finally {
      client.close();
      await program.end();
    }
  } finally {
    await pair.close();
  }
}

/** @param {Client} client */
async function ready(client) {
  const until = performance.now() + 20_000;
  for (;;) {
    const answer = await client.open("GET", "/readyz");
    answer.resume();
    if (answer.statusCode === 200) return;
    if (performance.now() > until) throw new Error("the server does not become ready");
  }
}

const order = (/** @type {Client} */ client) =>
  client.post("/api/orders", { title: FILM, tier: "rent" });

/** @param {Client} client @param {Pair} pair */
async function invoices(client, pair) {
  const ours = [];
  const theirs = [];
  for (let number = 0; number < WARM_UP + INVOICES; number++) {
    const began = performance.now();
    await order(client);
    ours.push(performance.now() - began);
    theirs.push((await pair.tell({ add_invoice: 100 })).took_ms);
  }
  ours.splice(0, WARM_UP);
  theirs.splice(0, WARM_UP);
  const [mine, node] = [median(ours), median(theirs)];
  const tail = [percentile(ours, 0.99), percentile(theirs, 0.99)];
  return [
    atMost("LND: order → BOLT11 beyond AddInvoice, p50", mine - node, "ms", {
      goal: OVER_LND_MS,
      digits: 2,
      note: `${decimal(mine, 2)} beside ${decimal(node, 2)}`,
    }),
    atMost("LND: order → BOLT11, p99", tail[0] ?? NaN, "ms", {
      note: `AddInvoice ${decimal(tail[1] ?? NaN)}`,
    }),
  ];
}

/** @param {Client} client @param {Pair} pair */
async function events(client, pair) {
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${client.port}/`);
    const delays = [];
    for (let number = 0; number < WARM_UP + SALES; number++) {
      delays.push(await settled(page, await order(client), pair));
    }
    delays.splice(0, WARM_UP);
    const note = `${SALES} payments`;
    return [
      atMost("LND: settle → event in Chromium, p50", percentile(delays, 0.5), "ms", {
        goal: 10,
        note,
      }),
      atMost("LND: settle → event in Chromium, p99", percentile(delays, 0.99), "ms", { goal: 50 }),
    ];
  } finally {
    await browser.close();
  }
}

/**
 * Milliseconds from the node's word to the page's event.
 *
 * @param {Page} page @param {any} placed @param {Pair} pair
 */
async function settled(page, placed, pair) {
  // The page listens before anybody pays.
  await page.evaluate((path) => {
    const source = new EventSource(path);
    const page = /** @type {any} */ (window);
    return new Promise((open) => {
      page.heard = new Promise((resolve) => {
        source.addEventListener("state", (event) => {
          const { state } = JSON.parse(event.data);
          open(undefined);
          if (state !== "settled") return;
          resolve(performance.timeOrigin + performance.now());
          source.close();
        });
      });
    });
  }, `/api/orders/${placed.order}/events`);
  const { settled_ms } = await pair.tell({ pay: placed.payment_request });
  const heard = await page.evaluate(() => /** @type {any} */ (window).heard);
  if (typeof settled_ms !== "number") throw new Error("the node did not tell of the settlement");
  return heard - settled_ms;
}

/** Orders a second with many visitors at once. @param {Client} client */
async function rate(client) {
  let made = 0;
  const end = performance.now() + RATE_S * 1000;
  const began = performance.now();
  const visitor = async () => {
    while (performance.now() < end) {
      await order(client);
      made++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visitor));
  const persecond = (made * 1000) / (performance.now() - began);
  const figure = `${decimal(persecond, 0)} (${AT_ONCE} at once)`;
  return { what: "LND: orders per second", figure };
}
