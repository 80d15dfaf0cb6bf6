// @ts-check
// The studio put together: store, feed, uploads, and the view that the address names.

/** @import { StudioState, Upload } from "./studio/types.js" */

import { byId, h } from "./dom.js";
import { dropZone } from "./studio/drop.js";
import { feed } from "./studio/feed.js";
import { filmView } from "./studio/film.js";
import { filmsView } from "./studio/films.js";
import { liveView } from "./studio/live.js";
import { nodeView } from "./studio/node.js";
import { rail } from "./studio/rail.js";
import { salesView } from "./studio/sales.js";
import { Store, mark } from "./studio/store.js";
import { todayView } from "./studio/today.js";
import { Uploader } from "./studio/transfer.js";
import { workList } from "./studio/work.js";
import * as api from "./studio/api.js";

/** Jobs put away in this browser, and how many are remembered. */
const HIDDEN_AS = "satreel.studio.hidden";
const HIDDEN = 200;

const place = /** @type {HTMLElement} */ (byId("studio"));
const store = new Store();
store.set({ hidden: JSON.parse(localStorage.getItem(HIDDEN_AS) ?? "[]") });
const uploader = new Uploader((transfer) => store.putTransfer(transfer));
const { pick } = dropZone((files) => {
  if (files.length === 0) return;
  uploader.add(files);
  if (!["#films", "#today", ""].includes(location.hash)) location.hash = "#films";
});
const work = () =>
  workList({
    uploader,
    drop: (key) => store.dropTransfer(key),
    forget: async (/** @type {Upload} */ upload) => {
      await api.dropUpload(upload.id).catch(() => {});
      await reading.uploads();
    },
    pick,
    hide: (job) => {
      const hidden = [...store.state.hidden, mark(job)].slice(-HIDDEN);
      localStorage.setItem(HIDDEN_AS, JSON.stringify(hidden));
      store.set({ hidden });
    },
    ask: (job, change) => {
      // What became of it shows in the job itself.
      void api.ask(job.id, { do: change }).catch(() => store.set({ away: true }));
    },
  });

const { element: nav, mark: markPlace } = rail(document.body.dataset.site ?? "Satreel");
const banner = h("p", { class: "note banner", role: "status", hidden: true });
const main = h("main", { id: "main", tabindex: "-1" });
place.replaceChildren(nav, h("div", { class: "room" }, banner, main));

/** @type {{ element: HTMLElement, render: (state: StudioState) => void }} */
let view;

function open() {
  const [name = "today", id = ""] = (location.hash.slice(1) || "today").split("/");
  if (name === "film")
    view = filmView(store, id, (file, replaces) => uploader.add([file], replaces));
  else if (name === "films") view = filmsView({ work: work(), pick });
  else if (name === "live") view = liveView();
  else if (name === "sales") view = salesView();
  else if (name === "node") view = nodeView();
  else view = todayView({ work: work() });
  markPlace(name === "film" ? "films" : name);
  view.render(store.state);
  main.replaceChildren(view.element);
  scrollTo(0, 0);
}

window.addEventListener("hashchange", () => {
  open();
  main.focus({ preventScroll: true });
});
window.addEventListener("beforeunload", (event) => {
  if (uploader.busy) event.preventDefault();
});
store.listen((state) => {
  if (state.closed && !uploader.busy) location.reload();
  const words = state.closed
    ? "Your visit has ended. Open a new link, then reload this page."
    : "The cinema does not answer. What you see is from a moment ago.";
  banner.hidden = !state.closed && !state.away;
  if (banner.textContent !== words) banner.textContent = words;
  view.render(state);
});
open();
const reading = feed(store);
