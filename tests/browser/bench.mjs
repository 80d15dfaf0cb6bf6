// @ts-check
// How long a viewer waits between paying and seeing: settle → token in the browser, settle → first new
// frame, settle → first frame beyond the free part. Prints JSON in milliseconds.
//
//   SATREEL_BIN=bin node tests/browser/bench.mjs [SALES]
//
// The clock starts when the payment is sent to the wallet, so that the wallet's own work is inside.

import {
  DESKTOP,
  film,
  followFrames,
  launch,
  panel,
  paymentRequest,
  play,
  playedTo,
} from "./browser.mjs";
import { openSite } from "./site.mjs";

const sales = Number(process.argv[2] ?? 20);
const site = await openSite();
const browser = await launch();

async function sale() {
  const context = await browser.newContext({ ...DESKTOP, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(site.filmUrl);
  await play(page);
  const sheet = await panel(page);
  await sheet.getByRole("button", { name: /Watch for/ }).click();
  const request = await paymentRequest(page);
  const stopped = await film(page);
  const end = await page.evaluate(() => {
    const { buffered } = /** @type {HTMLVideoElement} */ (document.querySelector("video"));
    return buffered.end(0);
  });
  await followFrames(page);
  const paid = Date.now();
  await site.payQuickly(request);
  await playedTo(page, end + 0.5);
  const times = await page.evaluate(() => {
    const { frames } = /** @type {any} */ (window).seen;
    const token = performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.endsWith("/api/tokens"))
      .at(-1);
    return {
      token: performance.timeOrigin + /** @type {any} */ (token).responseEnd,
      frames: /** @type {{ time: number, shown: number }[]} */ (frames),
    };
  });
  await context.close();
  /** @param {number} time */
  const shown = (time) => times.frames.find((frame) => frame.time > time)?.shown ?? NaN;
  return {
    token: times.token - paid,
    frame: shown(stopped.time + 0.001) - paid,
    beyond: shown(end - 0.02) - paid,
  };
}

/** @param {number[]} values @param {number} share */
function percentile(values, share) {
  const sorted = values.toSorted((one, other) => one - other);
  return (
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] * 10) / 10
  );
}

// The first one warms everything up and is not counted.
await sale();
/** @type {Awaited<ReturnType<typeof sale>>[]} */
const measured = [];
for (let count = 0; count < sales; count++) measured.push(await sale());

/** @param {(one: Awaited<ReturnType<typeof sale>>) => number} pick */
const figures = (pick) => ({
  p50_ms: percentile(measured.map(pick), 0.5),
  p99_ms: percentile(measured.map(pick), 0.99),
});
console.log(
  JSON.stringify(
    {
      sales,
      settle_to_token: figures(({ token }) => token),
      settle_to_first_new_frame: figures(({ frame }) => frame),
      settle_to_first_frame_beyond_the_free_part: figures(({ beyond }) => beyond),
    },
    null,
    2,
  ),
);
await browser.close();
await site.close();
