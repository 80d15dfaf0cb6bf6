// @ts-check
// A payment code in all the ways to pay it: scan, open a wallet, extension, copy. Says nothing about
// whether it was paid; whoever shows it listens.

/** @import { Order } from "../types.js" */

import { qrUrl } from "../api.js";
import { h, icon } from "../dom.js";
import { copyText } from "./copy.js";

const COPY =
  "M9 9V5a1 1 0 0 1 1-1h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-4M5 9h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1z";

/**
 * @typedef {{ enable: () => Promise<unknown>,
 *   sendPayment: (request: string) => Promise<{ preimage: string }> }} WebLn
 */

/**
 * @param {Order} order
 * @param {(words: string) => void} say
 * @returns {HTMLElement}
 */
export function payCode(order, say) {
  const link = `lightning:${order.payment_request}`;
  const both = order.onchain && order.pay_uri ? order.pay_uri : null;
  const webln = /** @type {{ webln?: WebLn }} */ (window).webln;
  return h(
    "div",
    { class: "code" },
    h(
      "a",
      { class: "qr", href: both ?? link, "aria-label": "Open wallet", tabindex: "-1" },
      h("img", { src: qrUrl(order.order), alt: "Payment code to scan", width: 280, height: 280 }),
    ),
    h(
      "div",
      { class: "ways" },
      webln ? extensionButton(webln, order.payment_request, say) : null,
      h("a", { class: `button wallet${webln ? "" : " main"}`, href: link }, "Open wallet"),
      copyButton(order.payment_request, say),
      both ? h("a", { class: "button chain", href: both }, "Bitcoin wallet") : null,
      order.demo_wallet
        ? h(
            "a",
            { class: "button demo", href: order.demo_wallet, target: "_blank", rel: "noopener" },
            "Pay with the demo wallet",
          )
        : null,
    ),
  );
}

/**
 * A part was paid on chain: the picture asks for the rest.
 *
 * @param {HTMLElement} place @param {Order} order @param {number} received
 */
export function refreshCode(place, order, received) {
  const picture = place.querySelector("img");
  if (picture) picture.src = `${qrUrl(order.order)}?received=${received}`;
}

/** @param {WebLn} webln @param {string} request @param {(words: string) => void} say */
function extensionButton(webln, request, say) {
  const button = h("button", { type: "button", class: "button main" }, "Pay with extension");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await webln.enable();
      // What it answers is not believed: the till says when the money is there.
      await webln.sendPayment(request);
    } catch {
      say("The extension did not pay. You can scan the code instead.");
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** @param {string} request @param {(words: string) => void} say */
export function copyButton(request, say) {
  const words = h("span", null, "Copy");
  const button = h(
    "button",
    { type: "button", class: "button copy" },
    icon(COPY, "icon line"),
    words,
  );
  let timer = 0;
  button.addEventListener("click", async () => {
    const copied = await copyText(request, button);
    words.textContent = copied ? "Copied" : "Copy";
    if (!copied) say("Copying is not allowed here. You can scan the code instead.");
    clearTimeout(timer);
    timer = window.setTimeout(() => (words.textContent = "Copy"), 2000);
  });
  return button;
}
