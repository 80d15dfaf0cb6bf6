// @ts-check
// A tip: an amount, a few words, a thank-you. It opens nothing.

/** @import { Order, Site, Title } from "../types.js" */

import * as api from "../api.js";
import { now } from "../clock.js";
import { h } from "../dom.js";
import { copyButton, payCode } from "../pay/code.js";
import { createRing } from "../pay/ring.js";
import { Sheet } from "../pay/sheet.js";
import { watchOrder } from "../sale/watch.js";
import { SEEN_TIP, missing, sats } from "../words.js";

const AMOUNTS = [100, 500, 2100];
const MAX_SAT = 1_000_000;
const MAX_MESSAGE = 280;

/**
 * @typedef {{ name: string, for: { title: string } | { channel: string }, tips_sat?: number }} Thanked
 * What the tip is for; without a sum, none is shown.
 */

/** @param {Title} title @returns {Thanked} */
export const forTitle = (title) => ({
  name: title.name,
  for: { title: title.id },
  tips_sat: title.tips_sat,
});

/** @param {Thanked} thanked @param {Site} site @param {HTMLElement} place */
export function mountTip(thanked, site, place) {
  const figure = h("span", { class: "quiet" });
  /** @param {number} sat */
  const showFigure = (sat) => {
    figure.textContent = sat > 0 ? `${sats(sat)} in tips` : "";
  };
  showFigure(thanked.tips_sat ?? 0);

  let stop = () => {};
  const sheet = new Sheet(() => stop());

  const ask = () => {
    const amount = h("input", {
      type: "number",
      id: "tip-amount",
      min: 1,
      max: MAX_SAT,
      step: 1,
      required: true,
      inputmode: "numeric",
      value: 500,
    });
    const message = h("input", {
      type: "text",
      id: "tip-message",
      maxlength: MAX_MESSAGE,
      autocomplete: "off",
    });
    const button = h("button", { type: "submit", class: "button main" });
    const words = () => (button.textContent = `Leave ${sats(amount.valueAsNumber || 0)}`);
    amount.addEventListener("input", words);
    words();
    sheet.show("Leave a tip", {
      body: [
        h(
          "form",
          {
            class: "stack",
            onsubmit: (/** @type {Event} */ event) => {
              event.preventDefault();
              void order(amount.valueAsNumber, message.value.trim());
            },
          },
          h(
            "div",
            { class: "presets" },
            ...AMOUNTS.map((sat) =>
              h(
                "button",
                {
                  type: "button",
                  class: "button",
                  onclick: () => {
                    amount.valueAsNumber = sat;
                    words();
                  },
                },
                sats(sat),
              ),
            ),
          ),
          h("label", { for: "tip-amount" }, "Amount in sat"),
          amount,
          h("label", { for: "tip-message" }, "A few words (if you like)"),
          message,
          button,
        ),
        site.lightning_address
          ? byAddress(site.lightning_address, (words) => sheet.say(words))
          : null,
      ],
    });
  };

  /** @param {number} amount @param {string} message */
  const order = async (amount, message) => {
    try {
      const made = await api.tip({
        amount_sat: amount,
        ...thanked.for,
        message: message || undefined,
      });
      pay(made);
    } catch (problem) {
      const { away, detail } = /** @type {api.Problem} */ (problem);
      sheet.say(away ? "The cinema's till is closed for the moment. Nothing was charged." : detail);
    }
  };

  /** @param {Order} made */
  const pay = (made) => {
    stop();
    const ring = createRing(new Date(now()).toISOString(), made.expires_at, expired);
    const unwatch = watchOrder(made.order, (state) => {
      if (state.state === "settled") void thank(ring);
      else if (state.state === "expired") expired();
      else if (state.state === "confirming") {
        ring.stop();
        sheet.say(SEEN_TIP);
      } else if (state.received_sat > 0) sheet.say(missing(state.received_sat, made.amount_sat));
    });
    stop = () => {
      ring.stop();
      unwatch();
    };
    sheet.show("Leave a tip", {
      body: [
        h(
          "p",
          { class: "what" },
          h("span", null, thanked.name),
          h("strong", null, sats(made.amount_sat)),
        ),
        payCode(made, (words) => sheet.say(words)),
      ],
      ring: ring.element,
      state: "Scan with a Lightning wallet. Nothing to sign up for.",
    });
  };

  const expired = () => {
    stop();
    sheet.show("Leave a tip", {
      state: "This code ran out.",
      foot: [h("button", { type: "button", class: "button main", onclick: ask }, "New code")],
    });
  };

  /** @param {ReturnType<typeof createRing>} ring */
  const thank = async (ring) => {
    stop();
    ring.close();
    sheet.lift("Thank you. It arrived.");
    thanks.textContent = "Thank you.";
    if (!("title" in thanked.for)) return;
    const fresh = await api.title(thanked.for.title).catch(() => null);
    if (fresh) showFigure(fresh.tips_sat);
  };

  const thanks = h("span", { class: "good", role: "status" });
  place.append(
    h("button", { type: "button", class: "button small", onclick: ask }, "Leave a tip"),
    figure,
    thanks,
  );
}

/**
 * For wallets that tip by themselves, whenever they like.
 *
 * @param {string} address @param {(words: string) => void} say
 */
function byAddress(address, say) {
  const name = address.slice(0, address.indexOf("@"));
  return h(
    "details",
    { class: "by-address" },
    h("summary", null, "From your wallet, at any time"),
    h(
      "div",
      { class: "code" },
      h(
        "div",
        { class: "qr" },
        h("img", {
          src: `/lnurl/pay/${name}/qr.svg`,
          alt: "Lightning address to scan",
          width: 280,
          height: 280,
          loading: "lazy",
        }),
      ),
      h("p", { class: "address" }, "Lightning address ", h("strong", null, address)),
      copyButton(address, say),
    ),
  );
}
