// @ts-check
// Films: what is being made, and every title in whatever state.

/** @import { StudioState, StudioTitle } from "./types.js" */

import { h } from "../dom.js";
import { sats } from "../words.js";
import { alarm, keyed } from "./lines.js";
import { count, length, offers } from "./words.js";

const STATES = {
  processing: "Being made",
  published: "On sale",
  hidden: "Hidden",
  live: "Live",
  scheduled: "Announced",
};

/** @param {{ work: HTMLElement & { update: (state: StudioState) => void, busy: () => boolean }, pick: () => void }} parts */
export function filmsView({ work, pick }) {
  const faults = h("div", { class: "stack" });
  const list = h("ul", { class: "film-list" });
  const works = h("section", { hidden: true }, h("h2", null, "Being made"), work);
  const none = h(
    "div",
    { class: "empty small", hidden: true },
    h("h2", null, "No films yet"),
    h(
      "p",
      { class: "quiet" },
      "Drop a film anywhere on this page. It is made ready to play on every device, and then it is on sale.",
    ),
    h("button", { type: "button", class: "button main", onclick: pick }, "Choose a film"),
  );
  const add = h("button", { type: "button", class: "button main", onclick: pick }, "Add films");
  const element = h(
    "div",
    { class: "view" },
    h("header", { class: "bar-row" }, h("h1", null, "Films"), add),
    faults,
    works,
    none,
    list,
  );
  let said = "";

  /** @param {StudioState} state */
  function render(state) {
    work.update(state);
    works.hidden = !work.busy();
    none.hidden = !state.ready || state.titles.length > 0 || work.busy();
    add.hidden = !none.hidden;
    const usual = state.usualTiers;
    keyed(
      list,
      state.titles,
      (title) => title.id,
      () => filmLine(() => usual),
    );
    const words = JSON.stringify(state.faults);
    if (words === said) return;
    said = words;
    faults.replaceChildren(
      ...state.faults.map(({ id, line, what }) =>
        alarm(
          `titles/${id}/title.json${line ? `, line ${line}` : ""}: ${what}. The last good version stays in use until you mend it.`,
        ),
      ),
    );
  }
  return { element, render };
}

/** @param {() => StudioState["usualTiers"]} usual */
function filmLine(usual) {
  const poster = h("span", { class: "frame", "aria-hidden": "true" });
  const name = h("span", { class: "name" });
  const facts = h("span", { class: "quiet" });
  const mark = h("span", { class: "mark" });
  const money = h("span", { class: "money" });
  const link = h(
    "a",
    { class: "film-line" },
    poster,
    h("span", { class: "text" }, name, facts),
    mark,
    money,
  );
  const element = h("li", null, link);
  let shown = "";

  /** @param {StudioTitle} title */
  function update(title) {
    const now = JSON.stringify([title, usual()]);
    if (now === shown) return;
    shown = now;
    link.setAttribute("href", `#film/${title.id}`);
    name.textContent = title.name;
    const parts = [
      title.duration_s ? length(title.duration_s) : null,
      offers(title.tiers, usual()),
    ];
    facts.textContent = parts.filter(Boolean).join(" · ");
    mark.textContent = STATES[title.state];
    mark.className = `mark ${title.state}`;
    money.replaceChildren(
      h("span", { class: "price" }, sats(title.received_sat + title.tips_sat)),
      h("span", { class: "quiet" }, count(title.sales, "sale")),
    );
    poster.replaceChildren(
      title.poster
        ? h("img", { class: "poster", src: title.poster, alt: "", loading: "lazy" })
        : h("span", { class: "noposter" }, title.name.slice(0, 1)),
    );
  }
  return Object.assign(element, { update });
}
