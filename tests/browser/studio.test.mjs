// @ts-check
// The studio in real Chromium: its looks, films edited and taken down, sales as they happen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { DESKTOP, PHONE, assertAccessible, launch, observe, picture } from "./browser.mjs";
import { openSite } from "./site.mjs";

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */
/** @typedef {import("../../player/node_modules/playwright-core").BrowserContext} Context */

/** @type {import("./site.mjs").Site} */
let site;
/** @type {import("./site.mjs").Site} */
let empty;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
before(async () => {
  [site, empty, browser] = await Promise.all([openSite(), openSite({ film: false }), launch()]);
  await site.buy("rent");
  await site.buy("own");
});
after(async () => {
  await browser?.close();
  await site?.close();
  await empty?.close();
});

/** In, by a link. @param {Context} context @param {import("./site.mjs").Site} at */
async function creator(context, at = site) {
  const page = await context.newPage();
  await page.goto(await at.studioLink());
  await page.getByRole("heading", { name: "Today" }).waitFor();
  return page;
}

/** @param {Page} page @param {string} name */
const go = (page, name) => page.getByRole("navigation").getByRole("link", { name }).click();

/** @type {Record<string, (page: Page, emptyPage: Page) => Promise<Page>>} */
const views = {
  today: async (page) => {
    await go(page, "Today");
    await page.getByText("The Test Film, to own").waitFor();
    return page;
  },
  films: async (page) => {
    await go(page, "Films");
    await page.getByRole("link", { name: /The Test Film/ }).waitFor();
    return page;
  },
  film: async (page) => {
    await page.getByRole("link", { name: /The Test Film/ }).click();
    await page.getByLabel("Prices of its own").check();
    await page.getByLabel("To own, sat").fill("x");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Write the price to own in whole sat").waitFor();
    return page;
  },
  delete: async (page) => {
    await page.getByRole("button", { name: "Delete this film" }).click();
    await page.getByText("They have paid, and will have nothing to play.").waitFor();
    return page;
  },
  sales: async (page) => {
    await page.getByRole("button", { name: "Keep it" }).click();
    await go(page, "Sales");
    await page.locator(".chart").waitFor();
    return page;
  },
  node: async (page) => {
    await go(page, "Node");
    await page.getByText("Play money, on this machine only").waitFor();
    return page;
  },
  "today-empty": async (_, page) => {
    await page.getByText("Bring your first film").waitFor();
    return page;
  },
  "films-empty": async (_, page) => {
    await go(page, "Films");
    await page.getByText("No films yet").waitFor();
    return page;
  },
  "sales-empty": async (_, page) => {
    await go(page, "Sales");
    await page.getByText("Nothing sold yet").waitFor();
    return page;
  },
};

for (const [device, settings] of /** @type {const} */ ([
  ["phone", PHONE],
  ["desktop", DESKTOP],
])) {
  for (const colorScheme of /** @type {const} */ (["dark", "light"])) {
    test(`the studio on a ${device}, ${colorScheme}`, async () => {
      const context = await browser.newContext({
        ...settings,
        colorScheme,
        reducedMotion: "reduce",
        // axe is put into the page from outside, which our policy rightly forbids.
        bypassCSP: true,
      });
      context.setDefaultTimeout(20_000);
      const closed = await context.newPage();
      await closed.goto(`${site.url}/studio`);
      await looksGood(closed, `studio-closed-${device}-${colorScheme}`);
      const page = await creator(context);
      const emptyPage = await creator(context, empty);
      for (const [name, open] of Object.entries(views)) {
        await looksGood(await open(page, emptyPage), `studio-${name}-${device}-${colorScheme}`);
      }
      await context.close();
    });
  }
}

/** @param {Page} page @param {string} name */
async function looksGood(page, name) {
  await page.evaluate(() =>
    Promise.all([...document.images].map((image) => image.decode().catch(() => {}))),
  );
  await picture(page, name);
  await assertAccessible(page, name);
}

test("a sale fades in as it happens, and the figures follow", async () => {
  const context = await browser.newContext(DESKTOP);
  context.setDefaultTimeout(20_000);
  const seen = observe(context, site.url);
  const page = await creator(context);
  const lines = page.locator(".taking");
  await page.getByText("The Test Film, to own").first().waitFor();
  const before = await lines.count();
  const taken = page.locator(".figure .value").first();
  const figure = await taken.textContent();
  await site.buy("own");
  await page.locator(".taking.fresh").waitFor();
  assert.equal(await lines.count(), before + 1);
  assert.match((await lines.first().textContent()) ?? "", /The Test Film, to own.*3,000/);
  assert.notEqual(await taken.textContent(), figure);
  seen.assertClean();
  await context.close();
});

test("a film is renamed, priced, hidden and published", async () => {
  const context = await browser.newContext(DESKTOP);
  context.setDefaultTimeout(20_000);
  const page = await creator(context);
  await go(page, "Films");
  await page.getByRole("link", { name: /The Test Film/ }).click();
  const putBack = await site.editTitle({});
  const name = page.getByLabel("Name", { exact: true });
  await name.fill("A New Name");
  await page.getByLabel("Prices of its own").check();
  await page.getByLabel("Rent, sat").fill("");
  await page.getByLabel("To own, sat").fill("4,500");
  // Somebody wrote it by hand meanwhile: nothing is overwritten.
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("changed meanwhile").waitFor();
  await page.getByRole("button", { name: "Show what is there now" }).click();
  await page.getByText("changed meanwhile").waitFor({ state: "detached" });
  assert.equal(await name.inputValue(), "The Test Film");
  await name.fill("A New Name");
  await page.getByLabel("Prices of its own").check();
  await page.getByLabel("Rent, sat").fill("");
  await page.getByLabel("To own, sat").fill("4,500");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();

  const viewer = await context.newPage();
  await viewer.goto(site.url);
  await viewer.getByText("A New Name").first().waitFor();
  await viewer.getByText("4,500").first().waitFor();
  await page.getByRole("button", { name: "Hide it" }).click();
  await page.getByText("Hidden.").waitFor();
  assert.equal((await viewer.goto(site.filmUrl))?.status(), 404);
  await page.getByRole("button", { name: "Publish it" }).click();
  await page.getByText("On sale.").waitFor();
  assert.equal((await viewer.goto(site.filmUrl))?.status(), 200);
  await putBack();
  await context.close();
});

test("by keyboard alone, and out again", async () => {
  const context = await browser.newContext(DESKTOP);
  context.setDefaultTimeout(20_000);
  const page = await creator(context);
  const sales = page.getByRole("navigation").getByRole("link", { name: "Sales" });
  await sales.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sales" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  await go(page, "Node");
  const leave = page.getByRole("button", { name: "Leave the studio" });
  await leave.focus();
  await page.keyboard.press("Enter");
  await page.getByText("The studio is yours alone").waitFor();
  assert.deepEqual(await context.cookies(`${site.url}/studio`), []);
  await context.close();
});

test("a film that is taken down is gone, and says for whom", async () => {
  const own = await openSite();
  try {
    const context = await browser.newContext(PHONE);
    context.setDefaultTimeout(20_000);
    const page = await creator(context, own);
    await go(page, "Films");
    await page.getByRole("link", { name: /The Test Film/ }).click();
    await page.getByRole("button", { name: "Delete this film" }).click();
    await page.getByText("Nobody has bought it.").waitFor();
    await page.getByRole("button", { name: "Delete it" }).click();
    await page.getByText("No films yet").waitFor();
    await context.close();
  } finally {
    await own.close();
  }
});

test("jobs have their buttons, and what is asked for goes to the transcoder", async () => {
  // A server alone: nobody takes the wishes.
  const own = await openSite({ offers: "[offers]\n" });
  try {
    const context = await browser.newContext(DESKTOP);
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    await page.goto(await own.studioLink());
    await page.getByRole("navigation").getByRole("link", { name: "Films" }).click();
    const work = page.locator(".work");
    await own.writeJob({
      state: "working",
      stage: "making",
      percent: 40,
      speed: 2.5,
      remaining_s: 75,
    });
    await work.getByText("Being made, 40 %, 2.5 × real time, 2\u202fmin left").waitFor();
    await picture(page, "studio-job-desktop");
    await work.getByRole("button", { name: "Pause" }).click();
    await own.writeJob({ state: "paused", percent: 41 });
    await work.getByText("Paused at 41 %.").waitFor();
    await work.getByRole("button", { name: "Go on" }).click();
    await own.writeJob({ state: "held", percent: 42, detail: "the disk is nearly full" });
    await work.getByText("The disk is nearly full.").waitFor();
    await work.getByRole("button", { name: "Cancel" }).click();
    await own.writeJob({ state: "failed", percent: 42, fault: "the film broke off" });
    await work.getByText("The film broke off.").waitFor();
    await picture(page, "studio-job-failed-desktop");
    await work.getByRole("button", { name: "Try again" }).click();
    await own.writeJob({ state: "done", percent: 100, answer: "the film is gone from there" });
    await work.waitFor({ state: "detached" });
    await page.getByRole("link", { name: /The Test Film/ }).click();
    await page.getByRole("button", { name: "Make it again" }).click();
    await page.getByText("Asked for.").waitFor();
    await page.getByText("The film is gone from there.").waitFor();
    assert.deepEqual((await own.wishes()).sort(), ["cancel", "pause", "remake", "resume", "retry"]);
    await context.close();
  } finally {
    await own.close();
  }
});
