// @ts-check
// A channel while nothing is on air: its pass bought in place; tips on the page, and over the picture in
// the creator's own OBS, with the goal's bar.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DESKTOP, PHONE, observe, opened, paymentRequest, picture } from "./browser.mjs";
import { openStation } from "./station.mjs";

const goal = { sat: 5000, words: "A second camera", since: new Date().toISOString() };
const [browser, station] = await opened(
  openStation({
    description: "Every evening.",
    passes: [{ sat: 2000 }, { sat: 300, hours: 24 }],
    tips_on_page: true,
    goal,
  }),
);

/** @param {object} [options] */
async function open(options = { ...DESKTOP, colorScheme: "dark" }) {
  const context = await browser.newContext(options);
  const seen = observe(context, station.url);
  const page = await context.newPage();
  await page.goto(station.page);
  return { context, page, seen };
}

/** Left and paid by somebody elsewhere. @param {number} amount_sat @param {string} message */
async function tip(amount_sat, message) {
  const made = await fetch(`${station.url}/api/tips`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ amount_sat, channel: "news", message }),
  });
  assert.equal(made.status, 201, await made.clone().text());
  await station.pay((await made.json()).payment_request);
}

test("a pass is bought while nothing is on air", async () => {
  const { page, context, seen } = await open();
  const offers = page.locator("#offers");
  // A day would run out before there is anything to see.
  await offers.getByText("Everything on The News, for ever").waitFor();
  assert.equal(await offers.getByRole("radio").count(), 1);
  await picture(page, "live-off-air-desktop");
  await offers.getByRole("button", { name: /^Get it for/ }).click();
  await station.pay(await paymentRequest(page));
  await offers.getByText("You have everything here on this device.").waitFor();
  await page.locator("dialog.sheet[open]").waitFor({ state: "detached" });
  await page.reload();
  await offers.getByText("You have everything here on this device.").waitFor();
  const phone = await open({ ...PHONE, colorScheme: "light" });
  await phone.page.getByRole("button", { name: /^Get it for/ }).waitFor();
  await picture(phone.page, "live-off-air-phone", true);
  await phone.context.close();
  const publisher = station.publish();
  await page.locator("media-controller.player").waitFor({ timeout: 30_000 });
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 1);
  assert.equal(await page.locator("dialog.sheet[open]").count(), 0, "it is paid for");
  seen.assertClean();
  await context.close();
  await publisher.kill();
});

test("tips are seen on the page and over the picture, until they are hidden", async () => {
  const { page, context, seen } = await open();
  const { url } = await station.studio("POST", "/channels/news/overlay");
  const obs = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const watched = observe(obs, station.url);
  const overlay = await obs.newPage();
  await overlay.goto(url);
  await overlay.getByText("0 of 5,000\u202fsat").waitFor();
  await tip(1250, "For the second camera. The first one was a joy.");
  await overlay.locator("#alert.stands").getByText("1,250\u202fsat").waitFor();
  await overlay.getByText("1,250 of 5,000\u202fsat").waitFor();
  await page.locator("#thanks").getByText("1,250\u202fsat").waitFor();
  await picture(page, "live-tips-desktop", true);
  assert.deepEqual(await obs.cookies(), []);

  await overlay.emulateMedia({ reducedMotion: "reduce" });
  const image = await overlay.screenshot({ omitBackground: true });
  const ground = await obs.newPage();
  // Bright and busy: the worst picture to read upon.
  const stripes = "repeating-linear-gradient(45deg, #fff, #fff 12px, #f5d76e 12px, #f5d76e 24px)";
  const shown = `data:image/png;base64,${image.toString("base64")}`;
  await ground.setContent(
    `<body style="margin:0;background:${stripes}"><img src="${shown}" style="display:block"></body>`,
  );
  await picture(ground, "overlay-over-a-picture");
  const alpha = await ground.evaluate(() => {
    const img = /** @type {HTMLImageElement} */ (document.querySelector("img"));
    const canvas = document.createElement("canvas");
    canvas.width = img.naturalWidth;
    canvas.height = img.naturalHeight;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(img, 0, 0);
    const at = (/** @type {number} */ x, /** @type {number} */ y) =>
      context.getImageData(x, y, 1, 1).data[3] ?? -1;
    return { corner: at(5, 5), goal: at(60, canvas.height - 50) };
  });
  assert.equal(alpha.corner, 0, "nothing where nothing stands");
  assert.ok(alpha.goal > 200, "a ground under the words");

  const report = await station.studio("GET", "/sales");
  await station.studio("PATCH", `/tips/${report.tips[0].number}`, { hidden: true });
  await page.locator("#thanks").waitFor({ state: "hidden" });
  await overlay.locator("#alert.stands").waitFor({ state: "detached" });
  await overlay.getByText("1,250 of 5,000\u202fsat").waitFor();
  // Another address: this one shows nothing any more.
  await station.studio("POST", "/channels/news/overlay");
  await overlay.locator("#goal").waitFor({ state: "hidden" });
  // Nothing of the broadcast is free, which the browser itself calls an error.
  assert.deepEqual(
    seen.errors.filter((text) => !text.includes("402")),
    [],
  );
  assert.deepEqual([...seen.strangers, ...watched.strangers], []);
  await obs.close();
  await context.close();
});
