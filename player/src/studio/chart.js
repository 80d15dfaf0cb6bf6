// @ts-check
// One bar a day, labelled directly: no grid, no axis, no legend.

/** @import { Day } from "./types.js" */

import { h, svg } from "../dom.js";
import { sats } from "../words.js";
import { count } from "./words.js";

/** The drawing is stretched to its place: its letters are not part of it. */
const HEIGHT = 100;
const LEAST = 1.5;

/** @param {Day[]} days oldest first */
export function bars(days) {
  const taken = days.map((day) => day.received_sat + day.tips_sat);
  const most = Math.max(1, ...taken);
  const best = taken.lastIndexOf(Math.max(...taken));
  const total = taken.reduce((sum, sat) => sum + sat, 0);
  const drawing = svg("svg", {
    viewBox: `0 0 ${days.length} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": `The last ${days.length} days: ${sats(total)}`,
  });
  days.forEach((day, at) => {
    const sat = taken[at] ?? 0;
    const height = Math.max((sat / most) * HEIGHT, LEAST);
    const kind = sat === 0 ? "bar none" : at === days.length - 1 ? "bar now" : "bar";
    const place = { x: at + 0.1, y: HEIGHT - height, width: 0.8, height, class: kind };
    const bar = svg("rect", place);
    const words = svg("title", {});
    words.textContent = `${day.date}: ${sats(sat)}, ${count(day.sales, "sale")}`;
    bar.append(words);
    drawing.append(bar);
  });
  return h(
    "figure",
    { class: "chart" },
    total > 0 && label(best, days.length, sats(taken[best] ?? 0)),
    drawing,
    h(
      "figcaption",
      { class: "quiet" },
      h("span", null, shown(days[0]?.date)),
      h("span", null, "today"),
    ),
  );
}

/** Above the highest bar. @param {number} at @param {number} days @param {string} words */
function label(at, days, words) {
  const middle = ((at + 0.5) / days) * 100;
  const element = h("span", { class: "value" }, words);
  // Never beyond the edge.
  if (middle < 15) element.style.left = `${(at / days) * 100}%`;
  else if (middle > 85) element.style.right = `${((days - at - 1) / days) * 100}%`;
  else {
    element.style.left = `${middle}%`;
    element.style.transform = "translateX(-50%)";
  }
  return element;
}

/** `2026-01-31` → "31 Jan". @param {string | undefined} date */
function shown(date) {
  if (!date) return "";
  return new Date(`${date}T12:00:00`).toLocaleDateString(undefined, {
    day: "numeric",
    month: "short",
  });
}
