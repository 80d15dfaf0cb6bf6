// @ts-check
// The sale with real money's machinery: real LND sells, a second node pays over a real channel.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openPair } from "../lnd/pair.mjs";
import {
  PHONE,
  film,
  followFrames,
  framesSeen,
  launch,
  panel,
  paymentRequest,
  picture,
  play,
  playedTo,
  purse,
  visitor,
} from "./browser.mjs";
import { openSite } from "./site.mjs";

/** @type {import("../lnd/pair.mjs").Pair} */
let pair;
/** @type {import("./site.mjs").Site} */
let site;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
before(async () => {
  [pair, browser] = await Promise.all([openPair(), launch()]);
  site = await openSite({ pair });
});
after(async () => {
  await browser?.close();
  await site?.close();
  await pair?.close();
});

test("a payment over Lightning goes on with the film where it stood", async () => {
  const { context, page, seen } = await visitor(browser, site.url);
  await page.goto(site.filmUrl);
  await play(page);
  const sheet = await panel(page);
  await sheet.getByRole("button", { name: /Watch for 100/ }).click();
  const request = await paymentRequest(page);
  assert.match(request, /^lnbcrt/i);
  const stopped = await film(page);
  await followFrames(page);
  await pair.pay(request);
  await playedTo(page, stopped.time + 3);
  await sheet.waitFor({ state: "hidden" });
  const { restarts, same } = await framesSeen(page);
  assert.ok(same, "the same element plays");
  assert.deepEqual(restarts, [], "nothing was loaded or sought again");
  assert.equal((await purse(page)).length, 1);
  await context.close();
  seen.assertClean();
});

test("a wallet's history restores the purchase in another browser", async () => {
  const order = (await site.post("/api/orders", { title: site.id, tier: "own" })).body;
  const preimage = await pair.pay(order.payment_request);
  const { context, page, seen } = await visitor(browser, site.url, PHONE);
  await page.goto(`${site.url}/purchases`);
  await page.getByLabel("Payment request").fill(order.payment_request);
  await page.getByLabel("Preimage").fill(preimage);
  await page.getByRole("button", { name: "Get it back" }).click();
  await page.getByText("The Test Film is yours again.").waitFor();
  const bought = await site.post("/api/tokens", { ticket: order.ticket });
  assert.equal((await purse(page))[0].token, bought.body.token, "the same token");
  await context.close();
  seen.assertClean();
});

test("more than any channel can bring is not sold, in words", async () => {
  const undo = await site.editTitle({
    tiers: [{ tier: "own", sat: 90_000_000 }],
  });
  const { context, page } = await visitor(browser, site.url, PHONE);
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 90,000,000|Own it for/ }).click();
  await page.getByText("The cinema can't take this much at the moment.").waitFor();
  await picture(page, "too-much-phone-light");
  await context.close();
  await undo();
});

test("a node that is away closes the till, and its return opens it", async () => {
  await pair.tell({ kill9: "shop" });
  const { context, page } = await visitor(browser, site.url, PHONE);
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 100/ }).click();
  const sheet = page.locator("dialog[open]");
  await sheet.getByText("The cinema's till is closed for the moment.").waitFor();
  await picture(page, "till-closed-phone-light");
  await pair.tell({ start: "shop" });
  await sheet.getByRole("button", { name: "Try again" }).click();
  await pair.pay(await paymentRequest(page));
  await page.locator("#mark").getByText("24 h left").waitFor();
  await context.close();
});
