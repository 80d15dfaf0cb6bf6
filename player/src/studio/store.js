// @ts-check
// What the studio knows, without DOM and without network: what is told goes in, views listen.

/** @import { Job, Sale, SalesReport, StudioState, StudioTitle, Tip, Today, Transfer, Upload } from "./types.js" */

/** Lines that are kept; the table has them all. */
const MOST = 200;

export class Store {
  constructor() {
    /** @type {StudioState} */
    this.state = {
      ready: false,
      away: false,
      closed: false,
      titles: [],
      faults: [],
      usualTiers: [],
      jobs: [],
      hidden: [],
      sales: [],
      tips: [],
      days: [],
      today: null,
      uploads: [],
      transfers: [],
    };
    /** @type {Set<(state: StudioState) => void>} */
    this.listeners = new Set();
  }

  /** @param {(state: StudioState) => void} listener */
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @param {Partial<StudioState>} change */
  set(change) {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener(this.state);
  }

  /** @param {SalesReport} report */
  setSales({ sales, tips, days }) {
    this.set({ sales, tips, days });
  }

  /** A sale that was just made. @param {Sale} sale */
  addSale(sale) {
    if (this.state.sales.some((known) => known.number === sale.number)) return;
    const sales = [{ ...sale, fresh: true }, ...this.state.sales].slice(0, MOST);
    this.set({ sales, ...this.counted(sale.received_sat, 0) });
  }

  /** @param {Tip} tip */
  addTip(tip) {
    if (this.state.tips.some((known) => known.number === tip.number)) return;
    const tips = [{ ...tip, fresh: true }, ...this.state.tips].slice(0, MOST);
    this.set({ tips, ...this.counted(0, tip.amount_sat) });
  }

  /**
   * The day's figures with one more, until they are read anew.
   *
   * @param {number} sold @param {number} tipped
   */
  counted(sold, tipped) {
    /** @param {import("./types.js").Day} day */
    const more = (day) => ({
      ...day,
      sales: day.sales + (sold > 0 ? 1 : 0),
      received_sat: day.received_sat + sold,
      tips: day.tips + (tipped > 0 ? 1 : 0),
      tips_sat: day.tips_sat + tipped,
    });
    const { today, days } = this.state;
    return {
      today: today && { ...today, today: more(today.today) },
      days: days.map((day, at) => (at === days.length - 1 ? more(day) : day)),
    };
  }

  /** Jobs that changed. @param {Job[]} changed */
  mergeJobs(changed) {
    const ids = new Set(changed.map((job) => job.id));
    this.set({ jobs: [...changed, ...this.state.jobs.filter((job) => !ids.has(job.id))] });
  }

  /** @param {StudioTitle} title after an edit */
  putTitle(title) {
    this.set({ titles: this.state.titles.map((one) => (one.id === title.id ? title : one)) });
  }

  /** @param {string} id */
  dropTitle(id) {
    this.set({ titles: this.state.titles.filter((title) => title.id !== id) });
  }

  /** @param {Transfer} transfer new or changed */
  putTransfer(transfer) {
    const known = this.state.transfers.some((one) => one.key === transfer.key);
    const { transfers } = this.state;
    this.set({
      transfers: known
        ? transfers.map((one) => (one.key === transfer.key ? transfer : one))
        : [...transfers, transfer],
    });
  }

  /** @param {string} key */
  dropTransfer(key) {
    this.set({ transfers: this.state.transfers.filter((one) => one.key !== key) });
  }
}

/** Jobs that a creator waits for, or has to see to. @param {StudioState} state */
export const openJobs = (state) =>
  state.jobs.filter(
    (job) => !["done", "deleted"].includes(job.state) && !state.hidden.includes(mark(job)),
  );

/** The same job later is another one. @param {Job} job */
export const mark = (job) => `${job.id} ${job.updated_at ?? ""}`;

/** Whether it has become a title: only such a job can be asked for something. @param {Job} job */
export const isNumbered = (job) => /^[0-9a-f]{16}$/.test(job.id);
