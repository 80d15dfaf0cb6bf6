// @ts-check
// Drives the store: orders, waits, redeems. The network on one side, the store on the other.

/** @import { Access, Offer, OrderState, Pending, Sold } from "../types.js" */
/** @import { Purse } from "../purse.js" */
/** @import { PendingOrders } from "./pending.js" */
/** @import { Store } from "./store.js" */

/**
 * @typedef {Object} Edge what the sale needs of the world
 * @property {(title: string, tier: string, ticket?: string) => Promise<import("../types.js").Order>} order
 * @property {(ticket: string) => Promise<Access>} redeem
 * @property {(order: string, tell: (state: OrderState) => void) => () => void} watch
 * @property {(then: () => void, ms: number) => unknown} later
 */

const RETRY_MS = 1000;

export class Sale {
  /**
   * @param {Sold} title @param {Store} store @param {Purse} purse
   * @param {PendingOrders} pending @param {Edge} edge
   */
  constructor(title, store, purse, pending, edge) {
    this.title = title;
    this.store = store;
    this.purse = purse;
    this.pending = pending;
    this.edge = edge;
    this.stopWatching = () => {};
    /** Orders being redeemed, so that two signs of one payment ask once. @type {Set<string>} */
    this.redeeming = new Set();
  }

  /** @param {Offer} offer */
  async buy(offer) {
    if (this.store.is("ordering")) return;
    this.stopWatching();
    this.store.send({ type: "order", offer });
    if (!this.store.is("ordering")) return;
    try {
      const ticket = this.pending.ticketFor(this.title.id, offer.id);
      const order = await this.edge.order(this.title.id, offer.id, ticket);
      /** @type {Pending} */
      const pending = { ...order, title: this.title.id, label: offer.label, shown: true };
      this.pending.add(pending);
      this.store.send({ type: "ordered", order: pending });
      // Put away while the code was being made: not shown, but watched all the same.
      if (!this.store.is("awaitingPayment")) this.pending.hide(this.title.id);
      this.watch(pending);
    } catch (problem) {
      this.fail(problem);
    }
  }

  /**
   * After a reload: whatever was paid meanwhile opens, and the newest code that is still good and was
   * not put away is shown again.
   *
   * @returns {Promise<boolean>} has something opened?
   */
  async resume() {
    const orders = this.pending.list().filter((order) => order.title === this.title.id);
    for (const order of orders) if (await this.redeem(order)) return true;
    const open = orders.find((order) => order.shown && this.pending.now() < expiry(order));
    const offer = open && this.title.tiers.find(({ id }) => id === open.tier);
    if (open && offer) {
      this.store.send({ type: "order", offer });
      this.store.send({ type: "ordered", order: open });
      this.watch(open);
    }
    return false;
  }

  /** Somebody may have paid an older code, or paid after it ran out: worth a look when the page comes back. */
  async look() {
    if (this.store.is("unlocked", "playing")) return;
    for (const order of this.pending.list()) {
      if (order.title === this.title.id && (await this.redeem(order))) return;
    }
  }

  /** The viewer puts the panel away. The order stays: it may be paid all the same. */
  leave() {
    this.pending.hide(this.title.id);
    this.store.send({ type: "leave" });
  }

  /** @param {Pending} order */
  watch(order) {
    this.stopWatching();
    this.stopWatching = this.edge.watch(order.order, (state) => {
      if (state.state === "settled") void this.redeem(order, true);
      else this.store.send({ type: "arrived", state });
    });
  }

  /**
   * Ticket → access, if it was paid. Safe to ask at any time and any number of times.
   *
   * @param {Pending} order
   * @param {boolean} [settled] the server has said that it was paid: keep asking
   * @returns {Promise<boolean>}
   */
  async redeem(order, settled = false) {
    if (this.redeeming.has(order.order)) return false;
    this.redeeming.add(order.order);
    try {
      const access = await this.edge.redeem(/** @type {string} */ (order.ticket));
      this.stopWatching();
      this.purse.add(access);
      this.pending.remove(order.order);
      this.store.send({ type: "unlock", access, paid: true });
      return true;
    } catch (problem) {
      // 402: not paid yet. 410: the code ran out unpaid; somebody may still pay it late, so it is
      // kept until PendingOrders forgets it.
      if (settled || /** @type {any} */ (problem).away) {
        this.edge.later(() => void this.redeem(order, settled), RETRY_MS);
      }
      return false;
    } finally {
      this.redeeming.delete(order.order);
    }
  }

  /** @param {unknown} problem */
  fail(problem) {
    const { away, detail, slug, status } = /** @type {any} */ (problem);
    this.store.send({
      type: "fail",
      reason: reason(slug, away, status),
      detail: detail ?? "",
    });
  }
}

/**
 * @param {string} slug @param {boolean} away @param {number} status
 * @returns {"closed" | "full" | "busy" | "other"}
 */
function reason(slug, away, status) {
  // The node works, yet no channel of it can bring this much.
  if (slug === "cannot-receive") return "full";
  if (away) return "closed";
  return status === 429 ? "busy" : "other";
}

/** @param {Pending} order */
function expiry(order) {
  return Date.parse(order.expires_at);
}
