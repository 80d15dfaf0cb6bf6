// @ts-check
// What sells one title on its page: what this browser holds of it, the sale and its panel, and what other
// tabs, the cookie or an older code bring. Knows no player.

/** @import { Access, Sold } from "../types.js" */

import * as api from "../api.js";
import { now } from "../clock.js";
import { Purse } from "../purse.js";
import { PendingOrders } from "../sale/pending.js";
import { Sale } from "../sale/sale.js";
import { Store } from "../sale/store.js";
import { watchOrder } from "../sale/watch.js";
import { sync } from "../sync.js";
import { Choice } from "./choice.js";
import { createPanel } from "./panel.js";

export class Till {
  /** @param {Sold} title */
  constructor(title) {
    this.title = title;
    this.purse = new Purse(localStorage);
    this.store = new Store();
    this.choice = new Choice(title);
    this.sale = new Sale(title, this.store, this.purse, new PendingOrders(localStorage, now), {
      order: title.channel
        ? (_, ...order) => api.orderPass(title.channel ?? "", ...order)
        : api.order,
      redeem: api.redeem,
      watch: watchOrder,
      later: (then, ms) => setTimeout(then, ms),
    });
  }

  /** What opens the title now. */
  held() {
    return this.purse.forTitle(this.title.scopes, now());
  }

  /** The same; of what ran out by our own word the server may know that an outage added time. */
  async heldNow() {
    if (this.held() || !this.purse.ranOut(this.title.scopes, now())) return this.held();
    await sync(this.purse).catch(() => {});
    return this.held();
  }

  /** Nothing more plays: offers what opens it, in words for why. */
  offer() {
    const why = this.purse.ranOut(this.title.scopes, now()) ? "ran-out" : "preview-over";
    this.store.send({ type: "choose", why });
  }

  /**
   * Puts up the panel, and listens to whatever brings an access.
   *
   * @param {(access: Access) => void} unlock
   */
  open(unlock) {
    const { title, store, sale } = this;
    const panel = createPanel(title, this.choice, sale, () => {
      const over = this.purse.ranOut(title.scopes, now());
      return title.tiers.find(({ tier, scope }) => tier === over?.tier && scope === over.scope);
    });
    store.listen(panel);
    store.listen((state, before) => {
      if (state.name === "unlocked" && before.name !== "unlocked" && state.access)
        unlock(state.access);
    });
    window.addEventListener("storage", () => this.found());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void sale.look();
    });
  }

  /** Goes on with an order that was begun here, and looks for what the cookie remembers. */
  async resume() {
    if (!this.store.is("idle") || this.title.free) return;
    await this.sale.resume();
    // The browser may have emptied its storage while the cookie remembers.
    if (this.purse.list().length === 0) {
      await sync(this.purse).then(
        () => this.found(),
        () => {},
      );
    }
  }

  /** Something that another tab, the cookie or an older code brought. */
  found() {
    const held = this.held();
    if (!held || this.store.is("unlocked", "playing")) return;
    const access = { ...held, credit_s: 0, subject: "", title: null, tag: held.tag ?? null };
    this.store.send({ type: "unlock", access, paid: false });
  }
}
