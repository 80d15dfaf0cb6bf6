// @ts-check
// Keeps the two homes of what this browser owns in step: see purse.js.

/** @import { Purchases } from "./types.js" */
/** @import { Purse } from "./purse.js" */

import * as api from "./api.js";

/**
 * Sends what we hold to the cookie, or takes back from the cookie what the browser forgot.
 *
 * @param {Purse} purse
 * @returns {Promise<Purchases>}
 */
export async function sync(purse) {
  const tokens = purse.list().map((one) => one.token);
  if (tokens.length > 0) {
    const answer = await api.putPurchases(tokens);
    purse.accept(answer);
    for (const one of answer.rejected) one.token = tokens[one.index];
    return answer;
  }
  const answer = await api.purchases();
  // Added oldest first, since each goes to the front.
  for (const purchase of [...answer.purchases].reverse()) purse.add(purchase);
  return answer;
}
