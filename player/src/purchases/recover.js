// @ts-check
// Lost the browser: the wallet's history is the receipt.

/** @import { Access } from "../types.js" */

import { h } from "../dom.js";
import { collection } from "../words.js";

/** @param {Access} access */
function restored({ scope, tag, title }) {
  if (scope.startsWith("tag:")) return `Yours again: ${collection(tag)}.`;
  return `${scope === "site" ? "Every film" : (title?.name ?? "The film")} is yours again.`;
}

/** @param {(request: string, preimage: string) => Promise<Access>} recover */
export function recoverSection(recover) {
  const request = h("textarea", {
    id: "recover-request",
    rows: 4,
    required: true,
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "lnbc…",
  });
  const preimage = h("input", {
    type: "text",
    id: "recover-preimage",
    required: true,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    pattern: "\\s*[0-9a-fA-F]{64}\\s*",
    title: "64 digits and letters from a to f",
  });
  const state = h("p", { class: "state", role: "status", "aria-live": "polite" });
  const button = h("button", { type: "submit", class: "button" }, "Get it back");

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const access = await recover(
        request.value.trim().replace(/^lightning:/i, ""),
        preimage.value.trim().toLowerCase(),
      );
      state.textContent = restored(access);
      request.value = "";
      preimage.value = "";
    } catch (problem) {
      const { away, detail } = /** @type {import("../api.js").Problem} */ (problem);
      state.textContent = away ? "The cinema does not answer. Try again in a moment." : detail;
    } finally {
      button.disabled = false;
    }
  };

  return h(
    "section",
    { class: "stack card-box", "aria-labelledby": "recover" },
    h("h2", { id: "recover" }, "Lost something"),
    h(
      "p",
      { class: "quiet" },
      "Your wallet remembers what you paid. Open the payment in its history and copy two things: the payment request " +
        "(long, begins with lnbc) and the preimage (64 letters and digits; some say proof of payment).",
    ),
    whereToLook(),
    h(
      "form",
      { class: "stack", onsubmit: submit },
      h("label", { for: "recover-request" }, "Payment request"),
      request,
      h("label", { for: "recover-preimage" }, "Preimage"),
      preimage,
      button,
    ),
    state,
  );
}

/** Only what these wallets are known to show. */
const WALLETS = [
  ["Phoenix, Zeus, Breez", "Tap the payment, then its details."],
  ["Alby", "Open the payment in the list: its details show both."],
  ["Electrum", "History, then a click on the payment."],
  ["LND", "lncli listpayments: payment_request and payment_preimage."],
  ["Core Lightning", "lightning-cli listpays: bolt11 and preimage."],
  [
    "Wallets kept by a company",
    "As Wallet of Satoshi: not all show the preimage. Ask their support for it.",
  ],
];

function whereToLook() {
  return h(
    "details",
    { class: "where" },
    h("summary", null, "Where wallets show them"),
    h(
      "dl",
      null,
      ...WALLETS.flatMap(([name, words]) => [h("dt", null, name), h("dd", null, words)]),
    ),
    h(
      "p",
      { class: "quiet" },
      "Both belong to you alone: whoever has them can watch what you bought. If one is missing, a code or file " +
        "exported from another device of yours works as well.",
    ),
  );
}
