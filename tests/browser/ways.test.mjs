// @ts-check
// Other ways to pay, and codes that end badly.

import assert from "node:assert/strict";
import { test } from "node:test";

import { film, opened, panel, paymentRequest, play, playedTo, purse, visitor } from "./browser.mjs";
import { PREVIEW_S, openSite } from "./site.mjs";

/** Past where the free part would end. */
const BEYOND_S = PREVIEW_S + 3;

const [browser, site] = await opened(openSite());

/** @param {import("../../player/node_modules/playwright-core").Page} page */
async function order(page) {
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 100/ }).click();
}

/** @param {import("../../player/node_modules/playwright-core").Page} page */
const mine = (page) => page.locator("#mark").getByText("24 h left").waitFor();

test("the demo's wallet, in a tab of its own", async () => {
  const { context, page, seen } = await visitor(browser, site.url);
  await order(page);
  const [wallet] = await Promise.all([
    context.waitForEvent("page"),
    page.getByRole("link", { name: "Pay with the demo wallet" }).click(),
  ]);
  await wallet.getByText("Play money", { exact: true }).waitFor();
  await wallet.getByRole("button", { name: /Pay 100/ }).click();
  await wallet.getByText(/Paid 100/).waitFor();
  await mine(page);
  await context.close();
  seen.assertClean();
});

test("an extension pays, and what it answers is not believed", async () => {
  const { context, page } = await visitor(browser, site.url);
  /** @type {string[]} */
  const asked = [];
  await context.exposeFunction("payOutside", async (/** @type {string} */ request) => {
    asked.push(request);
    // The first time it only claims to have paid.
    if (asked.length > 1) await site.payQuickly(request);
  });
  await context.addInitScript(() => {
    /** @type {any} */ (window).webln = {
      enable: async () => {},
      sendPayment: async (/** @type {string} */ request) => {
        await /** @type {any} */ (window).payOutside(request);
        return { preimage: "00".repeat(32) };
      },
    };
  });
  await order(page);
  const request = await paymentRequest(page);
  const button = page.getByRole("button", { name: "Pay with extension" });
  await button.click();
  await button.and(page.locator(":enabled")).waitFor();
  assert.deepEqual(await purse(page), []);
  await button.click();
  await mine(page);
  assert.deepEqual(asked, [request, request]);
  await context.close();
});

test("copy says that it did", async () => {
  const { context, page } = await visitor(browser, site.url);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await order(page);
  const request = await paymentRequest(page);
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), request);
  await context.close();
});

test("a code that ran out offers a new one, and that one opens", async () => {
  const { context, page } = await visitor(browser, site.url);
  await order(page);
  const first = await paymentRequest(page);
  try {
    await site.setClock(2 * 24 * 3600);
    await page.getByText("This code ran out.").waitFor();
    await page.getByRole("button", { name: "New code" }).click();
    await page.waitForFunction((first) => {
      const link = document.querySelector("dialog[open] a.wallet");
      return link !== null && link.getAttribute("href") !== `lightning:${first}`;
    }, first);
    await site.payQuickly(await paymentRequest(page));
    await page.locator("#mark").filter({ hasText: /left/ }).waitFor();
  } finally {
    await site.setClock(0);
  }
  await context.close();
});

test("a till that is away says so, and trying again helps", async () => {
  const { context, page } = await visitor(browser, site.url);
  const closed = { status: 503, contentType: "application/problem+json" };
  await page.route("**/api/orders", (route) =>
    route.fulfill({
      ...closed,
      body: '{"type":"urn:satreel:problem:node-away","status":503}',
    }),
  );
  await order(page);
  await page
    .getByText("The cinema's till is closed for the moment. Nothing was charged.")
    .waitFor();
  await page.unroute("**/api/orders");
  await page.getByRole("button", { name: "Try again" }).click();
  assert.match(await paymentRequest(page), /^ln/);
  await context.close();
});

test("payment while the answer is lost: the page asks until it hears", async () => {
  const { context, page } = await visitor(browser, site.url);
  let lost = 0;
  await page.route("**/api/tokens", (route) => {
    if (lost++ < 2) return route.abort();
    return route.continue();
  });
  await order(page);
  await site.payQuickly(await paymentRequest(page));
  await mine(page);
  assert.ok(lost > 2);
  await context.close();
});

/** Waits until the server has seen an edit. @param {(title: any) => boolean} seen */
async function titleIs(seen) {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const response = await fetch(`${site.url}/api/titles/${site.id}`);
    if (seen(await response.json())) return;
  }
  assert.fail("the server did not take in the edit");
}

test("a film without a free start is offered at once", async () => {
  const { context, page } = await visitor(browser, site.url);
  const restore = await site.editTitle({ preview_s: 0 });
  try {
    await titleIs((title) => title.preview_s === 0);
    await page.goto(site.filmUrl);
    await play(page);
    await panel(page);
    await page
      .getByRole("button", { name: /Watch for 100/ })
      .last()
      .click();
    await site.payQuickly(await paymentRequest(page));
    await playedTo(page, 1);
  } finally {
    await restore();
    await titleIs((title) => title.preview_s > 0);
  }
  await context.close();
});

test("a browser with a player of its own goes on at the same place", async () => {
  const { context, page } = await visitor(browser, site.url);
  // As on phones whose browser gives no media source to scripts.
  await context.addInitScript(() => {
    for (const name of ["MediaSource", "ManagedMediaSource", "WebKitMediaSource"]) {
      delete (/** @type {any} */ (window)[name]);
    }
  });
  await page.goto(site.filmUrl);
  await play(page);
  const sheet = await panel(page);
  const stopped = await film(page);
  assert.ok(stopped.duration < 20, "its playlist ends with the free part");
  await sheet.getByRole("button", { name: /Watch for 100/ }).click();
  await site.payQuickly(await paymentRequest(page));
  await playedTo(page, stopped.time + 1);
  const went = await film(page);
  assert.ok(went.time < stopped.time + 5, `went on at ${went.time}`);
  assert.ok(went.duration > 30);
  await context.close();
});

test("a film at no price just plays", async () => {
  const { context, page, seen } = await visitor(browser, site.url);
  const restore = await site.editTitle({ tiers: [] });
  try {
    await titleIs((title) => title.free);
    await page.goto(site.filmUrl);
    await page.getByText("This film is free.").waitFor();
    await playedTo(page, BEYOND_S);
  } finally {
    await restore();
    await titleIs((title) => !title.free);
  }
  await context.close();
  seen.assertClean();
});

test("the keyboard alone buys", async () => {
  const { context, page } = await visitor(browser, site.url);
  await page.goto(site.filmUrl);
  await page.locator(".offers button.main").focus();
  await page.keyboard.press("Enter");
  const request = await paymentRequest(page);
  const inside = await page.evaluate(() => document.activeElement?.closest("dialog") !== null);
  assert.ok(inside, "focus is in the panel");
  await page.keyboard.press("Escape");
  await page.locator("dialog.sheet[open]").waitFor({ state: "detached" });
  await site.payQuickly(request);
  // Put away is not given up: the money still opens the film.
  await mine(page);
  await context.close();
});
