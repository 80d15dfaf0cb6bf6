// @ts-check
// What stands over the picture.

/** @import { Goal, ShownTip } from "../types.js" */

import { h } from "../dom.js";
import { number, sats } from "../words.js";

/** @param {HTMLElement | null} place @param {ShownTip | null} tip null: it fades away */
export function showAlert(place, tip) {
  if (!place) return;
  place.classList.toggle("stands", tip !== null);
  if (!tip) return;
  place.replaceChildren(
    h("strong", null, sats(tip.amount_sat)),
    h("p", null, tip.message || "A tip. Thank you."),
  );
}

/** @param {HTMLElement | null} place @param {Goal | null} goal */
export function showGoal(place, goal) {
  if (!place) return;
  place.hidden = goal === null;
  if (!goal) return;
  const share = Math.min(1, goal.got_sat / goal.sat);
  const filled = h("span", { class: "filled" });
  filled.style.transform = `scaleX(${share})`;
  place.replaceChildren(
    h(
      "p",
      null,
      h("span", { class: "words" }, goal.words),
      h("span", { class: "sum" }, `${number(goal.got_sat)} of ${sats(goal.sat)}`),
    ),
    h("div", { class: "bar" }, filled),
  );
}
