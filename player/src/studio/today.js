// @ts-check
// Today: what came in, who is waiting, what is being made, and whether the till is open.

/** @import { StudioState } from "./types.js" */

import { h } from "../dom.js";
import { number, sats } from "../words.js";
import { alarm, figure, takings } from "./lines.js";
import { trouble } from "./node-words.js";
import { count } from "./words.js";

const LATEST = 8;

/** @param {{ work: HTMLElement & { update: (state: StudioState) => void, busy: () => boolean } }} parts what is being made */
export function todayView({ work }) {
  const warning = h("div");
  const taken = figure("Taken today");
  const sold = figure("Sales");
  const waiting = figure("Waiting to pay");
  const list = h("ul", { class: "takings" });
  const none = h("p", { class: "quiet" }, "Sales appear here as they happen.");
  const works = h("section", { hidden: true }, h("h2", null, "Being made"), work);
  const first = h(
    "div",
    { class: "empty small", hidden: true },
    h("h2", null, "Bring your first film"),
    h(
      "p",
      { class: "quiet" },
      "Drop a film anywhere on this page, or choose one. It is on sale once it is made.",
    ),
    h("a", { class: "button main", href: "#films" }, "To the films"),
  );
  const element = h(
    "div",
    { class: "view" },
    h("h1", null, "Today"),
    warning,
    h("dl", { class: "figures" }, taken, sold, waiting),
    works,
    first,
    h("section", null, h("h2", null, "Latest"), list, none),
  );
  let said = "";

  /** @param {StudioState} state */
  function render(state) {
    work.update(state);
    works.hidden = !work.busy();
    first.hidden = !state.ready || state.titles.length > 0 || work.busy();
    takings(list, state, LATEST, Date.now());
    none.hidden = !state.ready || list.childElementCount > 0;
    if (!state.today) return;
    const { today, yesterday, waiting_viewers, node } = state.today;
    const words = trouble(node) ?? "";
    if (words !== said) {
      said = words;
      warning.replaceChildren(
        ...(words ? [alarm(words, h("a", { href: "#node" }, "To the node"))] : []),
      );
    }
    const all = today.received_sat + today.tips_sat;
    const before = yesterday.received_sat + yesterday.tips_sat;
    taken.say(sats(all), `${sats(before)} yesterday`);
    sold.say(number(today.sales), today.tips > 0 ? `and ${count(today.tips, "tip")}` : "");
    waiting.say(
      number(waiting_viewers),
      waiting_viewers === 1 ? "viewer at the code" : "viewers at the code",
    );
  }
  return { element, render };
}
