// @ts-check
// The pay panel: renders the store's state, dispatches what the viewer does.

/** @import { Offer, Pending, SaleState, Sold } from "../types.js" */
/** @import { Choice } from "./choice.js" */
/** @import { Sale } from "../sale/sale.js" */

import { now } from "../clock.js";
import { h } from "../dom.js";
import { payCode, refreshCode } from "../pay/code.js";
import { createRing } from "../pay/ring.js";
import { Sheet } from "../pay/sheet.js";
import { SEEN, missing, sats, span } from "../words.js";

const WAITING = "Scan with a Lightning wallet. Nothing to sign up for.";
const PAID = "Paid. Enjoy the film.";
const EXPIRED = "This code ran out.";
const FAILED = {
  closed: "The cinema's till is closed for the moment. Nothing was charged.",
  full: "The cinema can't take this much at the moment. Nothing was charged. A smaller offer may work.",
  busy: "Many codes were asked for from here. Wait a minute, then try again.",
  other: "",
};

/**
 * @param {Sold} title @param {Choice} choice @param {Sale} sale
 * @param {() => Offer | undefined} ranOut the offer that ran out, where one did
 */
export function createPanel(title, choice, sale, ranOut) {
  const sheet = new Sheet(() => sale.leave());
  const form = title.tiers.length > 0 ? choice.form((offer) => void sale.buy(offer), true) : null;
  /** @type {ReturnType<typeof createRing> | null} */
  let ring = null;
  /** The order whose code is on the panel: it is drawn once and only its state line changes. */
  let shown = "";

  const stopRing = () => {
    ring?.stop();
    ring = null;
  };

  /** @param {Offer} offer */
  const what = (offer) =>
    h("p", { class: "what" }, h("span", null, offer.label), h("strong", null, sats(offer.sat)));

  /** @param {Offer} offer @param {string} words */
  const again = (offer, words) => [
    h(
      "button",
      {
        type: "button",
        class: "button main",
        autofocus: true,
        onclick: () => void sale.buy(offer),
      },
      words,
    ),
  ];

  /** @param {Offer} offer @param {Pending} order */
  const showCode = (offer, order) => {
    stopRing();
    shown = order.order;
    ring = createRing(new Date(now()).toISOString(), order.expires_at, () =>
      sale.store.send({ type: "ran-out" }),
    );
    sheet.show(title.name, {
      body: [what(offer), payCode(order, (words) => sheet.say(words))],
      ring: ring.element,
      state: WAITING,
    });
  };

  /** @param {SaleState} state */
  return (state) => {
    if (state.name !== "awaitingPayment" && state.name !== "unlocked") {
      stopRing();
      shown = "";
    }
    switch (state.name) {
      case "idle":
        sheet.hide();
        break;
      case "choosing": {
        const over = state.why === "ran-out" ? ranOut() : undefined;
        sheet.show(title.name, {
          body: [
            h(
              "p",
              { class: "lead" },
              state.why === "ran-out"
                ? `Your ${span(over?.hours ?? null)} ran out. Watch on where you stopped.`
                : state.why === "preview-over"
                  ? "The free part ends here. Watch on right away."
                  : "Watch right away.",
            ),
            form,
          ],
        });
        break;
      }
      case "ordering":
        sheet.show(title.name, {
          body: [what(state.offer), h("div", { class: "code" }, h("div", { class: "qr blank" }))],
          state: "One moment.",
        });
        break;
      case "awaitingPayment":
        if (state.confirming) {
          // Nothing is to be paid any more, and no time runs out.
          stopRing();
          shown = "";
          sheet.show(title.name, { body: [what(state.offer)], state: SEEN });
          break;
        }
        if (shown !== state.order.order) showCode(state.offer, state.order);
        if (state.received_sat > 0) {
          refreshCode(sheet.body, state.order, state.received_sat);
          sheet.say(missing(state.received_sat, state.order.amount_sat));
        }
        break;
      case "expired":
        sheet.show(title.name, {
          body: [what(state.offer)],
          state:
            state.received_sat > 0
              ? `${missing(state.received_sat, state.order.amount_sat)} ${EXPIRED}`
              : EXPIRED,
          foot: again(state.offer, "New code"),
        });
        break;
      case "failed":
        sheet.show(title.name, {
          body: [state.offer && what(state.offer)],
          state: FAILED[state.reason] || state.detail || "That did not work. Nothing was charged.",
          foot: state.offer ? again(state.offer, "Try again") : [],
        });
        break;
      case "unlocked":
        ring?.close();
        ring = null;
        if (state.paid) sheet.lift(title.words?.paid ?? PAID);
        else sheet.hide();
        break;
      case "playing":
        break;
    }
  };
}
