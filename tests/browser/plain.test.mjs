// @ts-check
// Without JavaScript: the code as text and link, and a way to the film.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PHONE, observe, opened, picture } from "./browser.mjs";
import { openSite } from "./site.mjs";

const [browser, site] = await opened(openSite());

test("buying without scripts", async () => {
  const context = await browser.newContext({
    ...PHONE,
    javaScriptEnabled: false,
  });
  context.setDefaultTimeout(20_000);
  const seen = observe(context, site.url);
  const page = await context.newPage();
  await page.goto(site.url);
  await page.getByRole("link", { name: /Watch for 100/ }).click();
  await page.getByText("24 hours").click();
  await page.locator("form[action$='/order'] button").click();

  const code = await page.locator("textarea").inputValue();
  assert.match(code, /^ln/);
  const link = page.getByRole("link", { name: "Open wallet" });
  assert.equal(await link.getAttribute("href"), `lightning:${code}`);
  await picture(page, "plain-phone-light", true);

  await page.getByRole("button", { name: "I have paid" }).click();
  await page.getByText("No payment has arrived yet.").waitFor();
  assert.equal(await page.locator("textarea").inputValue(), code, "still the same code");

  await site.payQuickly(code);
  await page.getByRole("button", { name: "I have paid" }).click();
  await page.getByText("Paid. Enjoy the film.").waitFor();
  const master = await page.getByRole("link", { name: "Play", exact: true }).getAttribute("href");
  const playlist = await fetch(new URL(master ?? "", site.url));
  assert.equal(playlist.status, 200);
  assert.match(await playlist.text(), /^#EXTM3U/);
  await context.close();
  assert.deepEqual(seen.strangers, []);
});
