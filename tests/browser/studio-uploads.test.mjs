// @ts-check
// Films uploaded in real Chromium: through a reload, a kill of the server and a lost line, until they
// are for sale.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { DESKTOP, PHONE, assertAccessible, launch, picture } from "./browser.mjs";
import { openSite } from "./site.mjs";

/** @typedef {import("../../player/node_modules/playwright-core").Page} Page */

const samples =
  process.env.SATREEL_SAMPLES ??
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "satreel/samples");
const film = join(samples, "bigbuckbunny.mp4");

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

/** @param {import("./site.mjs").Site} site @param {Parameters<typeof browser.newContext>[0]} settings */
async function creator(site, settings) {
  const context = await browser.newContext(settings);
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  await page.goto(await site.studioLink());
  await page.getByRole("navigation").getByRole("link", { name: "Films" }).click();
  return { context, page };
}

/** So much a second goes up. @param {Page} page @param {number} bytes */
async function slow(page, bytes) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 5,
    downloadThroughput: -1,
    uploadThroughput: bytes,
  });
}

/** Until so much of it has arrived, as the server has it. @param {Page} page @param {number} share */
async function arrived(page, share) {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const found = await page.evaluate(async () => {
      const answer = await fetch("/api/studio/uploads").catch(() => null);
      const { uploads = [] } = (await answer?.json().catch(() => null)) ?? {};
      return Math.max(0, ...uploads.map((/** @type {any} */ one) => one.offset / one.length));
    });
    if (found >= share) return found;
  }
  throw new Error(`${share} of it never arrived`);
}

/** @param {Page} page @param {string[]} files */
async function choose(page, files) {
  await page.locator('input[type="file"][multiple]').setInputFiles(files);
}

test("an upload survives a reload and kill -9, and becomes a film for sale", async () => {
  const site = await openSite({ film: false });
  try {
    const { context, page } = await creator(site, DESKTOP);
    await slow(page, 3_000_000);
    const big = join(site.data, "big.mp4");
    // Long enough to be interrupted; what follows a film does it no harm.
    await writeFile(big, Buffer.concat([await readFile(film), freeBox(12_000_000)]));
    await choose(page, [big]);
    await page.getByText(/of 13\.\d.MB.*left/).waitFor();
    await picture(page, "studio-uploading-desktop");
    await arrived(page, 0.2);
    page.once("dialog", (dialog) => void dialog.accept());
    await page.reload();
    // A browser forgets the file, the server keeps what arrived.
    await page.getByText(/arrived\. Choose the same file again/).waitFor();
    await picture(page, "studio-unfinished-desktop");
    await slow(page, 3_000_000);
    await choose(page, [big]);
    assert.ok((await arrived(page, 0.5)) < 1, "it is not done before the kill");
    await site.restart();
    await page.getByText("On sale.", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("heading", { name: "big", exact: true }).waitFor();
    await page.goto(`${site.url}/studio#films`);
    await page.getByRole("link", { name: /big/ }).waitFor();
    await context.close();
  } finally {
    await site.close();
  }
});

test("an upload that stands elsewhere than this browser thought asks, and goes on from there", async () => {
  const site = await openSite({ film: false });
  try {
    const { context, page } = await creator(site, DESKTOP);
    const answers = /** @type {number[]} */ ([]);
    page.on("response", (response) => {
      if (response.request().method() === "PATCH") answers.push(response.status());
    });
    // As after a broken connection, when the browser sends the same request a second time by itself.
    await page.route("**/api/studio/uploads/*", async (route) => {
      const request = route.request();
      if (request.method() !== "PATCH" || answers.length > 0) return route.continue();
      await route.continue({ headers: { ...request.headers(), "upload-offset": "1" } });
    });
    await choose(page, [film]);
    await page.getByText("On sale.", { exact: true }).waitFor();
    assert.deepEqual(answers, [409, 204]);
    await context.close();
  } finally {
    await site.close();
  }
});

test("several at once, on a phone; one paused, one given up, one refused", async () => {
  const site = await openSite({ film: false });
  try {
    const { context, page } = await creator(site, { ...PHONE, bypassCSP: true });
    await slow(page, 1_000_000);
    const names = ["one.mp4", "two.mp4", "three.mp4", "four.mp4"];
    const files = names.map((name) => join(site.data, name));
    for (const [at, file] of files.entries()) {
      await writeFile(file, freeBox(4_000_000 + at));
    }
    const empty = join(site.data, "empty.mp4");
    await writeFile(empty, "");
    await choose(page, [...files, empty]);
    const line = (/** @type {string} */ name) => page.locator(".work", { hasText: name });
    // The fourth waits until there is room for it.
    await line("four.mp4").getByText("Waits for its turn").waitFor();
    await line("one.mp4").getByRole("button", { name: "Pause" }).click();
    await line("one.mp4")
      .getByText(/^Paused at/)
      .waitFor();
    await line("four.mp4").getByText(/left/).waitFor();
    await line("two.mp4").getByRole("button", { name: "Cancel" }).click();
    await line("two.mp4").waitFor({ state: "detached" });
    await line("empty.mp4").getByText("An empty file is no film.").waitFor();
    await picture(page, "studio-uploads-phone");
    await assertAccessible(page);
    await slow(page, -1);
    await line("one.mp4").getByRole("button", { name: "Go on" }).click();
    // No films: each is refused with its reason beside it.
    const refused = line("one.mp4");
    await refused.getByText("This is no film or recording that Satreel knows").waitFor();
    await picture(page, "studio-refused-phone");
    assert.equal(await refused.count(), 1, "the upload and its job are one line");
    await refused.getByRole("button", { name: "Put away" }).click();
    await refused.waitFor({ state: "detached" });
    await context.close();
  } finally {
    await site.close();
  }
});

test("a film may be dropped anywhere, and the same one twice is noticed", async () => {
  const site = await openSite({ film: false });
  try {
    const { context, page } = await creator(site, DESKTOP);
    await page.getByRole("navigation").getByRole("link", { name: "Today" }).click();
    const bytes = (await readFile(film)).toString("base64");
    const drop = () =>
      page.evaluate(async (bytes) => {
        const answer = await fetch(`data:video/mp4;base64,${bytes}`).catch(() => null);
        const blob = answer
          ? await answer.blob()
          : new Blob([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))]);
        const carried = new DataTransfer();
        carried.items.add(new File([blob], "bunny.mp4", { lastModified: 1 }));
        document.dispatchEvent(
          new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }),
        );
      }, bytes);
    await drop();
    await page.getByText("On sale.", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Put away" }).click();
    await drop();
    await page.getByText("You have this film already").waitFor();
    await page.getByRole("link", { name: "Show it" }).click();
    await page.getByRole("heading", { name: "bunny" }).waitFor();
    await context.close();
  } finally {
    await site.close();
  }
});

/** A box that players skip (ISO/IEC 14496-12 §8.1.2). @param {number} bytes */
function freeBox(bytes) {
  const box = Buffer.alloc(bytes, 1);
  box.writeUInt32BE(bytes, 0);
  box.write("free", 4, "latin1");
  return box;
}
