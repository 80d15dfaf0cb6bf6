// @ts-check
// Waiting for what has to come, and no longer than that.

import { setTimeout as pause } from "node:timers/promises";

/**
 * Until something is so. @template T @param {string} what @param {() => Promise<T | undefined | false>} look
 * @returns {Promise<T>}
 */
export async function until(what, look) {
  const end = Date.now() + 20_000;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await pause(20);
  }
}
