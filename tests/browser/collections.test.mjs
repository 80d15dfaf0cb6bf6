// @ts-check
// A pass for all films with a tag: offered, bought, shown as what it is, and opening the film.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  DESKTOP,
  PHONE,
  launch,
  paymentRequest,
  picture,
  playedTo,
  purse,
  visitor,
} from "./browser.mjs";
import { PREVIEW_S, openSite } from "./site.mjs";

const OFFERS = `[offers]
tiers = [{ tier = "pass", hours = 720, sat = 500, tag = "Film noir" }]
`;

/** @type {import("./site.mjs").Site} */
let site;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
before(async () => {
  [site, browser] = await Promise.all([openSite({ offers: OFFERS }), launch()]);
  await site.editTitle({ tags: ["film noir"] });
});
after(async () => {
  await browser?.close();
  await site?.close();
});

for (const [shape, options] of /** @type {const} */ ([
  ["phone", PHONE],
  ["desktop", DESKTOP],
])) {
  test(`a collection on a ${shape}`, async () => {
    const { context, page, seen } = await visitor(browser, site.url, options);
    await page.goto(site.filmUrl);
    const offer = page.getByText("All films tagged Film noir, 30 days").first();
    await offer.waitFor();
    await picture(page, `collection-offer-${shape}`);
    await offer.click();
    await page.getByRole("button", { name: /Watch for 500/ }).click();
    await site.payQuickly(await paymentRequest(page));
    await page.locator("#mark").getByText("30 days left").waitFor();
    await page.getByText("All films tagged Film noir: yours on this device.").waitFor();
    await playedTo(page, PREVIEW_S + 3);
    await picture(page, `collection-yours-${shape}`);
    assert.match((await purse(page))[0].scope, /^tag:[0-9a-f]{16}$/);

    // The next visit, and the cards.
    await page.reload();
    await page.locator("#mark").getByText("30 days left").waitFor();
    await page.goto(site.url);
    await page.locator(".is-yours").first().waitFor();

    await page.goto(`${site.url}/purchases`);
    await page.locator(".owned-list a.name").getByText("All films tagged Film noir").waitFor();
    await picture(page, `collection-purchases-${shape}`);
    await page.locator(".owned-list a.name").click();
    await page.getByRole("heading", { name: "Film noir" }).waitFor();
    await context.close();
    seen.assertClean();
  });
}
