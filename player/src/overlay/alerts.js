// @ts-check
// Which tip is shown when: each once, in their order, none that came before the page was opened, and none
// that the creator has hidden.

/** @import { ShownTip } from "../types.js" */

/** How long one stands, and the pause until the next. */
export const STANDS_MS = 7000;
const PAUSE_MS = 500;

export class Alerts {
  /**
   * @param {(tip: ShownTip | null) => void} show null: nothing stands
   * @param {(then: () => void, ms: number) => void} later
   */
  constructor(show, later) {
    this.show = show;
    this.later = later;
    /** The newest that is known; null before the first board. @type {number | null} */
    this.last = null;
    /** @type {ShownTip[]} */
    this.queue = [];
    /** @type {ShownTip | null} */
    this.stands = null;
    this.busy = false;
  }

  /** @param {ShownTip[]} tips the newest first */
  take(tips) {
    const last = this.last;
    this.last = Math.max(last ?? 0, ...tips.map(({ number }) => number));
    const there = new Set(tips.map(({ number }) => number));
    this.queue = this.queue.filter(({ number }) => there.has(number));
    if (this.stands && !there.has(this.stands.number)) {
      this.stands = null;
      this.show(null);
    }
    if (last === null) return;
    this.queue.push(...tips.filter(({ number }) => number > last).reverse());
    if (!this.busy) this.next();
  }

  next() {
    const tip = this.queue.shift() ?? null;
    this.busy = tip !== null;
    this.stands = tip;
    if (!tip) return;
    this.show(tip);
    this.later(() => {
      this.stands = null;
      this.show(null);
      this.later(() => this.next(), PAUSE_MS);
    }, STANDS_MS);
  }
}
