// @ts-check
// The demo's wallet: pays a payment code with play money.

import * as api from "./api.js";
import { byId, h } from "./dom.js";
import { sats } from "./words.js";

const form = /** @type {HTMLFormElement} */ (byId("pay"));
const field = /** @type {HTMLTextAreaElement} */ (byId("payment-request"));
const state = /** @type {HTMLElement} */ (byId("wallet-state"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const request = field.value.trim().replace(/^lightning:/i, "");
  button.disabled = true;
  state.className = "state";
  state.textContent = "One moment.";
  try {
    const paid = await api.walletPay(request);
    state.className = "state paid";
    state.textContent = `Paid ${sats(paid.amount_sat)}. You can go back to the film.`;
    note(request, paid);
  } catch (problem) {
    const { away, detail } = /** @type {api.Problem} */ (problem);
    state.textContent = away ? "The wallet does not answer. Try again." : detail;
  } finally {
    button.disabled = false;
  }
});

/** The line that a real wallet's history would have. @param {string} request @param {{ preimage: string, amount_sat: number }} paid */
function note(request, paid) {
  byId("paid")?.prepend(
    h(
      "li",
      null,
      h(
        "details",
        null,
        h(
          "summary",
          null,
          h("span", null, sats(paid.amount_sat)),
          h("span", { class: "quiet" }, "just now"),
        ),
        h(
          "dl",
          null,
          h("dt", null, "Payment request"),
          h("dd", null, h("code", null, request)),
          h("dt", null, "Preimage"),
          h("dd", null, h("code", null, paid.preimage)),
        ),
      ),
    ),
  );
}
