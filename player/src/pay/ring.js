// @ts-check
// The thin ring of remaining time: true, counted from what the server said.

import { now } from "../clock.js";
import { h, svg } from "../dom.js";
import { countdown } from "../words.js";

const RADIUS = 16;

/**
 * @param {string} madeAt when the ring was full, RFC 3339 @param {string} expiresAt
 * @param {() => void} over
 */
export function createRing(madeAt, expiresAt, over) {
  const hand = svg("circle", { class: "hand", cx: 18, cy: 18, r: RADIUS, pathLength: 1 });
  const text = h("span", { class: "figures" });
  const element = h(
    "div",
    // Not announced: a screen reader would count along.
    { class: "ring", role: "timer", "aria-live": "off", "aria-label": "Time left to pay" },
    svg(
      "svg",
      { viewBox: "0 0 36 36", "aria-hidden": "true" },
      svg("circle", { class: "track", cx: 18, cy: 18, r: RADIUS }),
      hand,
    ),
    text,
  );
  const end = Date.parse(expiresAt);
  const whole = Math.max(1, end - Date.parse(madeAt));

  const tick = () => {
    const left = end - now();
    hand.setAttribute("stroke-dasharray", `${Math.min(1, Math.max(0, left / whole))} 1`);
    text.textContent = countdown(left / 1000);
    if (left > 0) return;
    stop();
    over();
  };
  const timer = setInterval(tick, 1000);
  const stop = () => clearInterval(timer);
  tick();

  return {
    element,
    stop,
    /** The moment of payment: the ring closes and turns green. */
    close() {
      stop();
      hand.setAttribute("stroke-dasharray", "1 1");
      text.textContent = "";
      element.classList.add("paid");
    },
  };
}
