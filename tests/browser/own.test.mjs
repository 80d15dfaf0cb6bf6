// @ts-check
// What the viewer owns: kept over a restart, carried to another device, restored, and ended kindly.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import {
  film,
  opened,
  panel,
  paymentRequest,
  picture,
  play,
  playedTo,
  profile,
  purse,
  visitor,
} from "./browser.mjs";
import { PREVIEW_S, openSite } from "./site.mjs";

const DAY_S = 24 * 3600;
/** Well past where the free part ends, whatever the segments' lengths. */
const BEYOND = PREVIEW_S + 3;

const [browser, site] = await opened(openSite());

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

/** Adds purchases by their text. @param {Page} page @param {string} text */
async function paste(page, text) {
  await page.goto(`${site.url}/purchases`);
  await page.getByLabel("Or paste its text").fill(text);
  await page.getByRole("button", { name: "Add to this device" }).click();
}

test("a purchase outlives the browser, and the browser's storage", async () => {
  const disk = await profile();
  const first = await disk.open();
  const page = await first.newPage();
  await page.goto(site.filmUrl);
  await page.getByText("For ever").click();
  await page.getByRole("button", { name: /Watch for 3,000/ }).click();
  const stored = page.waitForResponse(
    (response) =>
      response.url().endsWith("/api/purchases") && response.request().method() === "PUT",
  );
  await site.payQuickly(await paymentRequest(page));
  await stored;
  await first.close();

  const second = await disk.open();
  const again = await second.newPage();
  await again.goto(site.filmUrl);
  await again.locator("#mark").getByText("Yours").waitFor();
  await playedTo(again, BEYOND);

  // As a browser does that empties what scripts stored after a week without a visit.
  await again.goto(`${site.url}/purchases`);
  await again.evaluate(() => localStorage.clear());
  await again.goto(site.filmUrl);
  await again.locator("#mark").getByText("Yours").waitFor();
  assert.equal((await purse(again)).length, 1);
  await second.close();
  await disk.remove();
});

test("a saved copy plays in another browser", async () => {
  const { access } = await site.buy("own");
  const { context, page } = await visitor(browser, site.url);
  await paste(page, access.token);
  await page.locator(".owned-list").getByText("The Test Film").waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save a copy" }).click(),
  ]);
  const file = await download.path();
  const copy = JSON.parse(await readFile(file, "utf8"));
  assert.equal(copy.satreel, 1);
  assert.deepEqual(copy.tokens, [access.token]);

  const other = await visitor(browser, site.url);
  await other.page.goto(`${site.url}/purchases`);
  await other.page.getByLabel("Open a copy").setInputFiles(file);
  await other.page.getByText("1 added.").waitFor();
  await other.page.locator(".owned-list a.name").click();
  await playedTo(other.page, BEYOND);
  await other.context.close();
  await context.close();
  other.seen.assertClean();
});

test("a purchase is carried by another device's camera", async () => {
  const { access } = await site.buy("own");
  const { context, page } = await visitor(browser, site.url);
  await paste(page, access.token);
  await page.getByRole("button", { name: "Show as code" }).click();
  const code = page.getByRole("img", { name: /as a code to scan/ });
  const box = await code.boundingBox();
  assert.ok(box && box.width >= 240, "large enough to scan");

  const other = await visitor(browser, site.url);
  await other.page.goto(`${site.url}/purchases#add=${access.token}`);
  await other.page.locator(".owned-list").getByText("The Test Film").waitFor();
  assert.equal(new URL(other.page.url()).hash, "", "not left in the address");
  await other.context.close();
  await context.close();
});

test("the wallet's history brings back what was lost", async () => {
  const { order, preimage, access } = await site.buy("own");
  const { context, page } = await visitor(browser, site.url);
  await page.goto(`${site.url}/purchases`);
  await page.getByLabel("Payment request").fill(order.payment_request);
  await page.getByLabel("Preimage").fill("00".repeat(32));
  await page.getByRole("button", { name: "Get it back" }).click();
  const state = page.locator("section", { hasText: "Lost something" }).locator(".state");
  await state.filter({ hasText: /\w/ }).waitFor();
  assert.deepEqual(await purse(page), []);
  await page.getByLabel("Preimage").fill(preimage);
  await page.getByRole("button", { name: "Get it back" }).click();
  await page.getByText("The Test Film is yours again.").waitFor();
  assert.equal((await purse(page))[0].token, access.token, "the very same");
  await context.close();
});

test("tampered and foreign tokens open nothing", async () => {
  const { access } = await site.buy("own");
  const middle = Math.floor(access.token.length / 2);
  const tampered =
    access.token.slice(0, middle) +
    (access.token[middle] === "A" ? "B" : "A") +
    access.token.slice(middle + 1);
  const stranger = await openSite();
  const foreign = (await stranger.buy("own")).access.token;
  await stranger.close();

  for (const token of [tampered, foreign]) {
    const { context, page } = await visitor(browser, site.url);
    await paste(page, token);
    await page.getByText(/1 not from this cinema, or changed on the way/).waitFor();
    assert.deepEqual(await purse(page), []);

    // And put where a genuine one would be, it does not play either.
    await page.evaluate(
      ([token, id]) =>
        localStorage.setItem(
          "satreel:purse",
          JSON.stringify([
            {
              token,
              scope: `title:${id}`,
              tier: "own",
              expires_at: null,
              name: null,
            },
          ]),
        ),
      [token, site.id],
    );
    await page.goto(site.filmUrl);
    await page.getByText(/was not made here, or it was changed/).waitFor();
    await play(page);
    await panel(page);
    assert.ok((await film(page)).time < BEYOND);
    await context.close();
  }
});

test("the right to fetch is renewed unseen while the film plays", async () => {
  const { access } = await site.buy("own");
  const { context, page, seen } = await visitor(browser, site.url);
  await page.clock.install();
  await paste(page, access.token);
  await page.locator(".owned-list a.name").click();
  await playedTo(page, 1);
  try {
    const renewal = page.waitForRequest(
      (request) =>
        request.url().endsWith("/api/grants") && request.postDataJSON().session !== undefined,
    );
    await site.setClock(590);
    await page.clock.fastForward(590_000);
    assert.equal((await (await renewal).response())?.status(), 200);
    const { time, paused } = await film(page);
    assert.equal(paused, false);
    await playedTo(page, time + 1);
  } finally {
    await site.setClock(0);
  }
  await context.close();
  seen.assertClean();
});

test("a rent that ends in mid-film stops kindly, offers again, and goes on where it stood", async () => {
  const { context, page } = await visitor(browser, site.url);
  await page.clock.install();
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 100/ }).click();
  await site.payQuickly(await paymentRequest(page));
  await playedTo(page, BEYOND);
  try {
    await site.setClock(DAY_S + 60);
    await page.clock.fastForward((DAY_S + 60) * 1000);
    const sheet = await panel(page);
    await sheet.getByText("Your 24 hours ran out. Watch on where you stopped.").waitFor();
    await picture(page, "ran-out-desktop-light");
    const stopped = await film(page);
    assert.ok(stopped.paused);
    assert.ok(stopped.time >= BEYOND);

    await sheet.getByRole("button", { name: /Watch for 100/ }).click();
    await site.payQuickly(await paymentRequest(page));
    await playedTo(page, stopped.time + 1);
    const went = await film(page);
    assert.ok(went.time < stopped.time + 15);
    assert.ok(went.frames > stopped.frames);
  } finally {
    await site.setClock(0);
  }
  await context.close();
});

test("what ran out is offered again on a later visit", async () => {
  const { access } = await site.buy("rent");
  const { context, page } = await visitor(browser, site.url);
  await paste(page, access.token);
  await page.locator(".owned-list").getByText("24 h left").waitFor();
  try {
    await site.setClock(DAY_S + 60);
    await page.reload();
    await page.locator(".owned-list").getByText("Ran out").waitFor();
    await page.goto(site.filmUrl);
    await page.getByRole("button", { name: /Watch for 100/ }).waitFor();
  } finally {
    await site.setClock(0);
  }
  await context.close();
});
