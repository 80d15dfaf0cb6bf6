// @ts-check
// Keeps the store true: reads everything, then follows what happens. A connection that breaks is made
// anew, and everything read again, since nobody knows what was missed.

/** @import { Store } from "./store.js" */

import { Problem } from "../api.js";
import * as api from "./api.js";

/** The day's figures change with viewers who wait, of whom nobody tells. */
const LOOK_EVERY_MS = 15_000;

/** @param {Store} store */
export function feed(store) {
  /** @param {Promise<unknown>} reading */
  const guard = async (reading) => {
    try {
      await reading;
      if (store.state.away) store.set({ away: false });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) store.set({ closed: true });
      else if (error.away) store.set({ away: true });
    }
  };
  const titles = () =>
    guard(
      api.titles().then(({ titles, faults, usual_tiers }) => {
        store.set({ titles, faults, usualTiers: usual_tiers ?? [] });
      }),
    );
  const jobs = () => guard(api.jobs().then(({ jobs }) => store.set({ jobs })));
  const sales = () => guard(api.sales().then((report) => store.setSales(report)));
  const today = () => guard(api.today().then((figures) => store.set({ today: figures })));
  const uploads = () => guard(api.uploads().then(({ uploads }) => store.set({ uploads })));
  const all = async () => {
    await Promise.all([titles(), jobs(), sales(), today(), uploads()]);
    if (!store.state.away && !store.state.closed) store.set({ ready: true });
  };

  const events = new EventSource("/api/studio/events");
  /** @param {string} name @param {(data: any) => void} take */
  const on = (name, take) => events.addEventListener(name, (event) => take(JSON.parse(event.data)));
  // Also after every new connection.
  on("hello", () => void all());
  on("sale", (sale) => store.addSale(sale));
  on("tip", (tip) => store.addTip(tip));
  on("titles", () => void titles());
  on("uploads", () => void uploads());
  on("jobs", ({ jobs: changed, gone }) => {
    store.mergeJobs(changed);
    if (gone) void jobs();
    if (changed.some((/** @type {{ state: string }} */ job) => job.state === "done")) void titles();
  });
  // Whether it is the network or the session, the next reading tells.
  events.addEventListener("error", () => void today());
  setInterval(() => document.visibilityState === "visible" && void today(), LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void all();
  });
  return { uploads };
}
