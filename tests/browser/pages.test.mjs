// @ts-check
// Every page, on a phone and a desktop, dark and light: nothing serious for axe, no fault in the
// console, no sideways scrolling, a picture to look at.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  DESKTOP,
  PHONE,
  assertAccessible,
  launch,
  observe,
  panel,
  paymentRequest,
  picture,
} from "./browser.mjs";
import { openSite } from "./site.mjs";

/** @type {import("./site.mjs").Site} */
let site;
/** @type {import("./site.mjs").Site} */
let empty;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
before(async () => {
  [site, empty, browser] = await Promise.all([openSite(), openSite({ film: false }), launch()]);
});
after(async () => {
  await browser?.close();
  await site?.close();
  await empty?.close();
});

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

/**
 * What a reader of the pages meets, and how to get there; what leaves a trace in the browser last.
 *
 * @type {Record<string, (page: Page) => Promise<unknown>>}
 */
const views = {
  storefront: (page) => page.goto(site.url),
  "storefront-empty": (page) => page.goto(empty.url),
  found: (page) => page.goto(`${site.url}/?q=test`),
  "not-found": (page) => page.goto(`${site.url}/nowhere`),
  film: async (page) => {
    await page.goto(site.filmUrl);
    await page.locator("media-play-button.big").waitFor();
  },
  tip: async (page) => {
    await page.goto(site.filmUrl);
    await page.getByRole("button", { name: "Leave a tip" }).click();
    await panel(page);
  },
  "purchases-empty": async (page) => {
    await page.goto(`${site.url}/purchases`);
    await page.getByText("Nothing here yet").waitFor();
  },
  wallet: (page) => page.goto(`${site.url}/wallet`),
  pay: async (page) => {
    await page.goto(site.filmUrl);
    await page.getByRole("button", { name: /Watch for 100/ }).click();
    await paymentRequest(page);
    await page
      .locator("dialog[open] .qr img")
      .evaluate((image) => /** @type {any} */ (image).decode());
  },
  purchases: async (page) => {
    const { access } = await site.buy("rent");
    await page.goto(`${site.url}/purchases#add=${access.token}`);
    await page.getByRole("button", { name: "Show as code" }).click();
  },
};

for (const [device, settings] of /** @type {const} */ ([
  ["phone", PHONE],
  ["desktop", DESKTOP],
])) {
  for (const colorScheme of /** @type {const} */ (["dark", "light"])) {
    test(`pages on a ${device}, ${colorScheme}`, async () => {
      const context = await browser.newContext({
        ...settings,
        colorScheme,
        reducedMotion: "reduce",
        // axe is put into the page from outside, which our policy rightly forbids.
        bypassCSP: true,
      });
      context.setDefaultTimeout(20_000);
      const page = await context.newPage();
      for (const [name, open] of Object.entries(views)) {
        await open(page);
        await picture(page, `${name}-${device}-${colorScheme}`);
        await assertAccessible(page, `${name}, ${device}, ${colorScheme}`);
      }
      await context.close();
    });
  }
}

test("no page breaks its own policy", async () => {
  for (const [name, open] of Object.entries(views)) {
    const context = await browser.newContext(DESKTOP);
    context.setDefaultTimeout(20_000);
    const seen = observe(context, site.url);
    await open(await context.newPage());
    await context.close();
    // A page that is not found says so with its status, which Chromium notes as an error.
    const errors = seen.errors.filter((text) => name !== "not-found" || !text.includes("404"));
    assert.deepEqual(errors, [], name);
    const strangers = seen.strangers.filter((url) => !url.startsWith(empty.url));
    assert.deepEqual(strangers, [], name);
  }
});
