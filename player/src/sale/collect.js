// @ts-check
// Picks up what was paid while no page of its film was open: a phone may have ended that page, and
// its owner may come back by any other.

/** @import { Purse } from "../purse.js" */
/** @import { PendingOrders } from "./pending.js" */

import * as api from "../api.js";

/**
 * @param {PendingOrders} pending @param {Purse} purse
 * @returns {Promise<number>} how many became purchases
 */
export async function collect(pending, purse) {
  let found = 0;
  for (const order of pending.list()) {
    try {
      purse.add(await api.redeem(/** @type {string} */ (order.ticket)));
      pending.remove(order.order);
      found++;
    } catch {
      // Not paid, or not heard: asked again on the next visit.
    }
  }
  return found;
}
