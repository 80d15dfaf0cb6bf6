// @ts-check
// Tips and their words on a channel's page, as they come.

/** @import { ShownTip } from "../types.js" */

import { h } from "../dom.js";
import { sats } from "../words.js";

const MOST = 5;

/** @param {HTMLElement | null} place @returns {(tips: ShownTip[]) => void} the newest first */
export function thanks(place) {
  /** @type {Set<number>} */
  let known = new Set();
  let begun = false;
  return (tips) => {
    const shown = tips.slice(0, MOST);
    const fresh = (/** @type {ShownTip} */ tip) => begun && !known.has(tip.number);
    place?.replaceChildren(
      ...shown.map((tip) =>
        h(
          "li",
          { class: fresh(tip) ? "fresh" : null },
          h("strong", null, sats(tip.amount_sat)),
          tip.message ? h("span", null, tip.message) : null,
        ),
      ),
    );
    if (place) place.hidden = shown.length === 0;
    known = new Set(tips.map(({ number }) => number));
    begun = true;
  };
}
