// @ts-check
// Which offer is chosen: one choice, shown on the page and on the panel.

/** @import { Offer, Sold } from "../types.js" */

import { h } from "../dom.js";
import { sats } from "../words.js";

let forms = 0;

export class Choice {
  /** @param {Sold} title */
  constructor(title) {
    this.offers = title.tiers;
    this.chosen = title.tiers[0];
    this.buys = title.words?.buy ?? "Watch for";
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** @param {Offer} offer */
  choose(offer) {
    this.chosen = offer;
    for (const listener of this.listeners) listener();
  }

  /**
   * The rows and the one button.
   *
   * @param {(offer: Offer) => void} buy
   * @param {boolean} [focus] is the button to be focused when it appears?
   * @returns {HTMLFormElement}
   */
  form(buy, focus = false) {
    const group = `tier-${forms++}`;
    const button = h("button", { type: "submit", class: "button main", autofocus: focus });
    const rows = this.offers.map((offer) => {
      const input = h("input", { type: "radio", name: group, value: offer.id });
      input.addEventListener("change", () => this.choose(offer));
      return {
        offer,
        input,
        row: h(
          "label",
          { class: "offer" },
          input,
          h("span", { class: "what" }, offer.label),
          h("span", { class: "price" }, sats(offer.sat)),
        ),
      };
    });
    const render = () => {
      for (const { offer, input } of rows) input.checked = offer === this.chosen;
      button.textContent = `${this.buys} ${sats(this.chosen.sat)}`;
    };
    this.listeners.add(render);
    render();
    return h(
      "form",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          buy(this.chosen);
        },
      },
      h("fieldset", null, h("legend", null, "Choose"), ...rows.map(({ row }) => row)),
      button,
    );
  }
}
