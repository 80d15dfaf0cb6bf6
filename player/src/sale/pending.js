// @ts-check
// Orders that may still become access. They outlive a reload, and a phone that ends the page while
// its owner is in the wallet.

/** @import { Pending } from "../types.js" */

const KEY = "satreel:pending";
const MAX = 10;
/** A code that ran out may still have been paid late: worth asking for about a week. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

export class PendingOrders {
  /** @param {Pick<Storage, "getItem" | "setItem">} store @param {() => number} now milliseconds */
  constructor(store, now) {
    this.store = store;
    this.now = now;
  }

  /** Newest first. @returns {Pending[]} */
  list() {
    try {
      const orders = JSON.parse(this.store.getItem(KEY) ?? "[]");
      if (!Array.isArray(orders)) return [];
      return orders.filter(
        (order) =>
          typeof order?.ticket === "string" && Date.parse(order.expires_at) + KEPT_MS > this.now(),
      );
    } catch {
      return [];
    }
  }

  /** The same order shown again is one order. @param {Pending} order */
  add(order) {
    this.save([order, ...this.list().filter((one) => one.ticket !== order.ticket)]);
  }

  /** The newest unpaid one for this. @param {string} title @param {string} tier */
  ticketFor(title, tier) {
    return this.list().find((one) => one.title === title && one.tier === tier)?.ticket;
  }

  /** @param {string} order */
  remove(order) {
    this.save(this.list().filter((one) => one.order !== order));
  }

  /** The viewer put the panel away: the order may still be paid, but is not shown again. @param {string} title */
  hide(title) {
    this.save(this.list().map((one) => (one.title === title ? { ...one, shown: false } : one)));
  }

  /** @param {Pending[]} orders */
  save(orders) {
    try {
      this.store.setItem(KEY, JSON.stringify(orders.slice(0, MAX)));
    } catch {
      // Without storage the sale still works as long as the page stays open.
    }
  }
}
