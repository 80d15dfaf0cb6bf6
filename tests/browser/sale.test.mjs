// @ts-check
// The sale as a stranger meets it: the free start, the payment, and the film goes on.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  PHONE,
  film,
  followFrames,
  framesSeen,
  opened,
  panel,
  paymentRequest,
  picture,
  play,
  playedTo,
  purse,
  visitor,
} from "./browser.mjs";
import { PREVIEW_S, openSite } from "./site.mjs";

const [browser, site] = await opened(openSite());

/** Plays the free start to its end. @param {import("../../player/node_modules/playwright-core").Page} page */
async function watchPreview(page) {
  await page.goto(site.filmUrl);
  await play(page);
  return panel(page);
}

test("the free start plays, then the offer rises, and nothing that is locked is asked for", async () => {
  const { context, page, seen } = await visitor(browser, site.url, PHONE);
  const sheet = await watchPreview(page);
  const { time, duration, paused, frames } = await film(page);
  assert.ok(paused);
  assert.ok(frames > 20, `decoded ${frames} frames`);
  assert.ok(time > PREVIEW_S - 2.5 && time < PREVIEW_S + 7, `stopped at ${time}`);
  assert.ok(duration > 30, "the timeline shows the whole film");
  assert.equal(await page.locator(".timeline .lock").isVisible(), true);
  assert.match((await sheet.textContent()) ?? "", /The free part ends here/);
  await picture(page, "offer-phone-light");
  await context.close();
  seen.assertClean();
});

test("payment goes on at the same frame: no reload, no black, no other host", async () => {
  const { context, page, seen } = await visitor(browser, site.url);
  const sheet = await watchPreview(page);
  await sheet.getByRole("button", { name: /Watch for 100/ }).click();
  const request = await paymentRequest(page);
  await page
    .locator("dialog[open] .qr img")
    .evaluate((image) => /** @type {any} */ (image).decode());
  await picture(page, "pay-desktop-light");
  assert.match(
    (await sheet.textContent()) ?? "",
    /Scan with a Lightning wallet\. Nothing to sign up for\./,
  );

  const stopped = await film(page);
  await followFrames(page);
  await site.pay(request);
  await playedTo(page, stopped.time + 3);
  await sheet.waitFor({ state: "hidden" });
  const went = await film(page);
  const { frames, restarts, same } = await framesSeen(page);

  assert.ok(same, "the same element plays");
  assert.deepEqual(restarts, [], "nothing was loaded or sought again");
  assert.ok(went.frames > stopped.frames + 25, "frames were decoded");
  const first = frames[0];
  assert.ok(
    first.time >= stopped.time - 0.09 && first.time <= stopped.time + 0.3,
    `went on at ${first.time}, stood at ${stopped.time}`,
  );
  for (const [index, frame] of frames.entries()) {
    assert.ok(frame.light > 1000, `a black frame at ${frame.time}`);
    assert.ok(index === 0 || frame.time > frames[index - 1].time, `back to ${frame.time}`);
  }
  assert.equal(await page.locator(".timeline .lock").isVisible(), false);
  await context.close();
  seen.assertClean();
});

test("a reload keeps access, and the place in the film", async () => {
  const { context, page, seen } = await visitor(browser, site.url);
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 100/ }).click();
  await site.payQuickly(await paymentRequest(page));
  await playedTo(page, PREVIEW_S + 3);
  await page.reload();
  await playedTo(page, PREVIEW_S + 3);
  assert.match((await page.locator("#mark").textContent()) ?? "", /24 h left/);
  await page.goto(site.url);
  assert.match((await page.locator(".mark.yours").first().textContent()) ?? "", /24 h left/);
  await context.close();
  seen.assertClean();
});

test("a page that ends while its owner is in the wallet opens when it comes back", async () => {
  const { context, page } = await visitor(browser, site.url, PHONE);
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 100/ }).click();
  const request = await paymentRequest(page);
  // A phone ends the page; the purchase happens; the page is opened again.
  await page.close();
  await site.payQuickly(request);
  const again = await context.newPage();
  await again.goto(site.filmUrl);
  await again.locator("#mark").getByText("24 h left").waitFor();
  assert.equal((await purse(again)).length, 1);
  await context.close();
});

test("a code that waits is there again after a reload, and gone once it was put away", async () => {
  const { context, page } = await visitor(browser, site.url);
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 100/ }).click();
  const request = await paymentRequest(page);
  await page.reload();
  assert.equal(await paymentRequest(page), request);
  await page.keyboard.press("Escape");
  const answered = page.waitForResponse((response) => response.url().endsWith("/api/tokens"));
  await page.reload();
  await answered;
  assert.equal(await page.locator("dialog.sheet[open]").count(), 0);
  await context.close();
});

test("too little: the panel says what is missing", async () => {
  const { context, page } = await visitor(browser, site.url);
  // The built-in wallet refuses to pay too little; a person with an on-chain address can.
  await page.route("**/api/orders/*/events", (route) =>
    route.fulfill({
      contentType: "text/event-stream",
      body: 'event: state\ndata: {"state":"underpaid","received_sat":60,"amount_sat":100}\n\n',
    }),
  );
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: /Watch for 100/ }).click();
  await page.getByText("60\u202fsat arrived, 40 are missing.").waitFor();
  assert.deepEqual(await purse(page), []);
  await context.close();
});

test("a tip: thank-you, and the public figure moves", async () => {
  const { context, page, seen } = await visitor(browser, site.url);
  await page.goto(site.filmUrl);
  await page.getByRole("button", { name: "Leave a tip" }).click();
  const sheet = await panel(page);
  await sheet.getByRole("button", { name: "2,100" }).click();
  await sheet.getByLabel(/A few words/).fill("Lovely");
  await sheet.getByRole("button", { name: /Leave 2,100/ }).click();
  await site.payQuickly(await paymentRequest(page));
  await page.getByText("2,100\u202fsat in tips").waitFor();
  await page.locator("#tip").getByText("Thank you.").waitFor();
  assert.deepEqual(await purse(page), [], "a tip opens nothing");
  await context.close();
  seen.assertClean();
});
