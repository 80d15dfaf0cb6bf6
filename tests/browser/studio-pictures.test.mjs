// @ts-check
// A film's pictures in the studio: the poster chosen or brought, and what else viewers see of it.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { DESKTOP, PHONE, assertAccessible, launch, picture, visitor } from "./browser.mjs";
import { recording, still } from "./films.mjs";
import { openSite } from "./site.mjs";

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
/** @type {import("./site.mjs").Site} */
let site;
/** @type {string} */
let folder;
/** The id of a recording. */
let sound = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "satreel-pictures-"));
  [browser, site] = await Promise.all([launch(), openSite()]);
  sound = await site.addFrom(await recording(folder), { name: "A Recording", preview: 6 });
});
after(async () => {
  await browser?.close();
  await site?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The creator at a film. @param {string} id @param {object} [shape] */
async function creator(id, shape = DESKTOP) {
  // axe is put into the page from outside, which our policy rightly forbids.
  const { context, page, seen } = await visitor(browser, site.url, { ...shape, bypassCSP: true });
  await page.goto(await site.studioLink());
  await page.getByRole("heading", { name: "Today" }).waitFor();
  await page.goto(`${site.url}/studio#film/${id}`);
  await page.getByRole("heading", { name: "Poster" }).waitFor();
  return { context, page, seen };
}

/** @param {Page} page @param {string} name */
const tile = (page, name) => page.getByRole("button", { name, exact: true });

/** @param {Page} page @param {string} words */
const says = (page, words) => page.getByRole("status").getByText(words).waitFor();

/** @param {string} file */
const shown = async (file) => readFile(join(site.data, "titles", site.id, file), "latin1");

/** Where viewers get the poster. @returns {Promise<string>} */
const address = async () =>
  (await (await fetch(`${site.url}/api/titles/${site.id}`)).json()).poster;

test("a poster is chosen by keyboard, and viewers see it at once", async () => {
  const { context, page, seen } = await creator(site.id);
  const before = await address();
  const tiles = page.locator(".tile[aria-pressed]");
  assert.equal(await tiles.count(), 6);
  const pressed = page.locator('.tile[aria-pressed="true"]');
  const first = await pressed.getAttribute("aria-label");
  const other = first === "Picture 5" ? "Picture 4" : "Picture 5";
  await tile(page, other).focus();
  await page.keyboard.press("Enter");
  await says(page, "Viewers see it from now on.");
  assert.equal(await pressed.getAttribute("aria-label"), other);
  const focused = page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  assert.equal(await focused, other, "whoever chose is still there");
  assert.equal(await shown("poster.jpg"), await shown(`poster-${other.slice(-1)}.jpg`));

  const now = await address();
  assert.notEqual(now, before);
  assert.equal(await page.locator(".film-top img").getAttribute("src"), now);
  await page.reload();
  await tile(page, other).waitFor();
  assert.equal(await pressed.getAttribute("aria-label"), other);
  seen.assertClean();
  await context.close();
});

test("a picture of one's own, and what is none", async () => {
  const { context, page, seen } = await creator(site.id, PHONE);
  const own = page.getByLabel("A picture of your own", { exact: true }).and(page.locator("input"));
  const choose = (/** @type {string} */ path) => own.setInputFiles(path);
  await choose(await still(folder));
  await says(page, "Viewers see it from now on.");
  const pressed = page.locator('.tile[aria-pressed="true"]');
  assert.equal(await pressed.getAttribute("aria-label"), "As it is now");
  assert.equal(await pressed.locator("img").getAttribute("src"), await address());
  const drawn = await shown("poster.jpg");

  for (const [name, bytes, words] of /** @type {const} */ ([
    ["words.txt", "some words", "Choose a JPEG, PNG or WebP picture."],
    ["large.png", Buffer.alloc(10 * 1024 * 1024 + 1), "The picture has more than 10 MB."],
    ["words.png", "some words", "This is no picture that Satreel knows: use JPEG, PNG or WebP."],
    ["torn.jpg", "\xFF\xD8\xFF and no more", "can't be drawn"],
  ])) {
    const path = join(folder, name);
    await writeFile(path, bytes, "latin1");
    await choose(path);
    await says(page, words);
    assert.equal(await shown("poster.jpg"), drawn, name);
  }
  // The refusals themselves are answers of 422, which browsers write down.
  assert.deepEqual(seen.strangers, []);
  await context.close();
});

test("what somebody else chose meanwhile is not overwritten", async () => {
  const { context, page } = await creator(site.id);
  const other = await creator(site.id);
  let late = true;
  await page.route("**/poster", async (route) => {
    // The page follows what others do; here it is a moment too late.
    if (late && route.request().method() === "PUT") {
      late = false;
      await tile(other.page, "Picture 2").click();
      await says(other.page, "Viewers see it from now on.");
    }
    await route.continue();
  });
  await tile(page, "Picture 6").click();
  await says(page, "The poster was changed meanwhile. Choose once more.");
  assert.equal(await shown("poster.jpg"), await shown("poster-2.jpg"));
  await tile(page, "Picture 6").click();
  await says(page, "Viewers see it from now on.");
  assert.equal(await shown("poster.jpg"), await shown("poster-6.jpg"));
  await other.context.close();
  await context.close();
});

test("what is chosen elsewhere is seen here", async () => {
  const { context, page, seen } = await creator(site.id);
  const other = await creator(site.id, PHONE);
  await page.getByLabel("Name", { exact: true }).fill("Half a na");
  await tile(other.page, "Picture 3").click();
  await says(other.page, "Viewers see it from now on.");
  await page.locator('.tile[aria-label="Picture 3"][aria-pressed="true"]').waitFor();
  assert.equal(await page.locator(".film-top img").getAttribute("src"), await address());
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Half a na");
  seen.assertClean();
  await other.context.close();
  await context.close();
});

test("the clip plays, silent; the small pictures are there to look at", async () => {
  const { context, page, seen } = await creator(site.id);
  const clip = page.locator(".seen video");
  await clip.evaluate(async (/** @type {HTMLVideoElement} */ video) => {
    const plays = new Promise((resolve) => video.addEventListener("timeupdate", resolve));
    await video.play();
    await plays;
  });
  assert.equal(await clip.evaluate((/** @type {HTMLVideoElement} */ video) => video.muted), true);
  await page.getByText("The small pictures over the timeline").click();
  await page.locator(".sheet-of-pictures").first().waitFor();
  await page.waitForFunction(() => {
    const sheet = /** @type {HTMLImageElement | null} */ (
      document.querySelector(".sheet-of-pictures")
    );
    return sheet?.complete && sheet.naturalWidth > 0;
  });
  seen.assertClean();
  await context.close();
});

for (const [device, settings] of /** @type {const} */ ([
  ["phone", PHONE],
  ["desktop", DESKTOP],
])) {
  for (const colorScheme of /** @type {const} */ (["dark", "light"])) {
    test(`pictures of a film and of a recording on a ${device}, ${colorScheme}`, async () => {
      for (const [kind, id] of [
        ["film", site.id],
        ["recording", sound],
      ]) {
        const shape = { ...settings, colorScheme };
        const { context, page, seen } = await creator(id ?? "", shape);
        await page
          .getByText("The small pictures over")
          .or(page.locator(".shape"))
          .first()
          .waitFor();
        for (const more of await page.locator("summary").all()) await more.click();
        await page.waitForLoadState("networkidle");
        await page.getByRole("heading", { name: "Poster" }).scrollIntoViewIfNeeded();
        await picture(page, `studio-pictures-${kind}-${device}-${colorScheme}`, true);
        await assertAccessible(page, kind);
        seen.assertClean();
        await context.close();
      }
    });
  }
}
