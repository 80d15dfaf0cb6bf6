// @ts-check
// Channels in the studio: made, priced, on air, their keys shown once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESKTOP, PHONE, assertAccessible, opened, picture } from "./browser.mjs";
import { openStation } from "./station.mjs";

const [browser, station] = await opened(openStation());

/** @param {object} options */
async function creator(options) {
  const context = await browser.newContext({ ...options, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(await station.studioLink());
  await page.getByRole("navigation").getByRole("link", { name: "Live" }).click();
  await page.getByRole("heading", { name: "Live", exact: true }).waitFor();
  return page;
}

test("a channel is made, its key shown once, and priced", async () => {
  const page = await creator({ ...DESKTOP, colorScheme: "dark" });
  await page.getByLabel(/A new channel/).fill("evening");
  await page.getByRole("button", { name: "Make a channel" }).click();
  const made = page.locator(".channel", { hasText: "/live/evening" });
  const key = made.getByText(/^evening_[0-9a-f]{32}$/);
  const first = await key.textContent();
  await made.getByText("Prices, schedule, recording").click();
  await made.getByLabel("Name").fill("The Evening");
  await made.getByLabel(/A broadcast, sat/).fill("70");
  await made.getByLabel("Everything for a day, sat").fill("500");
  await picture(page, "studio-live-desktop", true);
  await assertAccessible(page);
  await made.getByRole("button", { name: "Save" }).click();
  await made.getByRole("heading", { name: "The Evening" }).waitFor();
  const { passes, tiers } = await station.studio("GET", "/channels/evening");
  assert.deepEqual(tiers, [{ tier: "rent", sat: 70, hours: 48 }]);
  assert.deepEqual(passes, [{ sat: 500, hours: 24 }]);

  await made.getByLabel("Everything for a day, sat").fill("much");
  await made.getByRole("button", { name: "Save" }).click();
  await made.getByText("Write prices in whole sat, or leave them empty.").waitFor();

  await made.getByLabel("Everything for a day, sat").fill("500");
  await made.getByLabel(/Goal of the tips/).fill("5000");
  await made.getByRole("button", { name: "Save" }).click();
  await made.getByText("Say in a few words what the goal is for.").waitFor();
  await made.getByLabel("What for").fill("A second camera");
  await made.getByLabel(/Show tips/).check();
  await made.getByRole("button", { name: "Save" }).click();
  await made.getByText("Saved.").waitFor();
  const { goal, tips_on_page } = await station.studio("GET", "/channels/evening");
  assert.deepEqual([goal.sat, goal.words, tips_on_page], [5000, "A second camera", true]);
  await made.getByLabel("Description").fill("Every evening.");
  await made.getByRole("button", { name: "Save" }).click();
  await made.getByText("Saved.").waitFor();
  const kept = await station.studio("GET", "/channels/evening");
  assert.deepEqual([kept.description, kept.goal], ["Every evening.", goal], "it goes on");
  await made.getByRole("button", { name: "Overlay for OBS" }).click();
  await made.getByText(/\/overlay\/evening_[0-9a-f]{32}$/).waitFor();
  await picture(page, "studio-overlay-desktop", true);

  page.on("dialog", (dialog) => void dialog.accept());
  await made.getByRole("button", { name: "New stream key" }).click();
  await page.waitForFunction((first) => !document.body.textContent?.includes(first ?? ""), first);
  await key.waitFor();
  await page.reload();
  await made.waitFor();
  assert.equal(await key.count(), 0);
  await made.getByRole("button", { name: "Remove" }).click();
  await made.waitFor({ state: "detached" });
  await page.context().close();
});

test("on air, the uplink is told in figures and words", async () => {
  const publisher = station.publish();
  const page = await creator({ ...PHONE, colorScheme: "dark" });
  const news = page.locator(".channel", { hasText: "The News" });
  await news.getByText("On air, 0 watch.").waitFor();
  await news.getByText(/^\d+\.\d Mbit\/s$/).waitFor();
  await picture(page, "studio-live-phone", true);
  await assertAccessible(page);
  await publisher.kill();
  await news.getByText(/^Your connection is gone/).waitFor();
  await page.context().close();
});
