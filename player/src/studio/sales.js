// @ts-check
// Sales: thirty days as bars, then every sale and tip.

/** @import { StudioState } from "./types.js" */

import { h } from "../dom.js";
import { sats } from "../words.js";
import { bars } from "./chart.js";
import { takings } from "./lines.js";
import { count } from "./words.js";

export function salesView() {
  const total = h("p", { class: "total" });
  const place = h("div", { class: "card-box" });
  const list = h("ul", { class: "takings" });
  const none = h(
    "div",
    { class: "empty small", hidden: true },
    h("h2", null, "Nothing sold yet"),
    h(
      "p",
      { class: "quiet" },
      "Publish a film, then pass its address on. The first sale appears here by itself.",
    ),
    h("a", { class: "button main", href: "#films" }, "To the films"),
  );
  const some = h(
    "div",
    { class: "stack", hidden: true },
    total,
    place,
    h("section", { class: "stack" }, h("h2", null, "Every sale"), list),
  );
  const element = h(
    "div",
    { class: "view" },
    h(
      "header",
      { class: "bar-row" },
      h("h1", null, "Sales"),
      h(
        "a",
        { class: "button small", href: "/api/studio/sales.csv", download: "sales.csv" },
        "Save as table",
      ),
    ),
    none,
    some,
  );
  /** @type {StudioState["days"] | null} */
  let drawn = null;

  /** @param {StudioState} state */
  function render(state) {
    const any = state.sales.length + state.tips.length > 0;
    none.hidden = !state.ready || any;
    some.hidden = !any;
    takings(list, state, 200, Date.now());
    if (state.days === drawn || state.days.length === 0) return;
    drawn = state.days;
    place.replaceChildren(bars(state.days));
    const sum = state.days.reduce((sat, day) => sat + day.received_sat + day.tips_sat, 0);
    const sales = state.days.reduce((all, day) => all + day.sales, 0);
    const tips = state.days.reduce((all, day) => all + day.tips, 0);
    const by = [count(sales, "sale"), tips > 0 ? count(tips, "tip") : null].filter(Boolean);
    total.replaceChildren(
      h("strong", null, sats(sum)),
      ` in ${state.days.length} days, by ${by.join(" and ")}`,
    );
  }
  return { element, render };
}
