// @ts-check
// What this browser owns: the list, a copy for elsewhere, and how to get back what was lost.

/** @import { Purchases } from "./types.js" */

import * as api from "./api.js";
import { now } from "./clock.js";
import { byId, h, pageData } from "./dom.js";
import { purchaseList } from "./purchases/list.js";
import { copySection } from "./purchases/copies.js";
import { recoverSection } from "./purchases/recover.js";
import { Purse, importText } from "./purse.js";
import { collect } from "./sale/collect.js";
import { PendingOrders } from "./sale/pending.js";
import { sync } from "./sync.js";

/** @type {{ site: { name: string } }} */
const { site } = pageData();
const place = /** @type {HTMLElement} */ (byId("purchases"));
const purse = new Purse(localStorage);
const list = h("div", { class: "stack" });
const state = h("p", { class: "state", role: "status", "aria-live": "polite" });

/** @type {Purchases | null} */
let answer = null;

function render() {
  list.replaceChildren(purchaseList(purse, answer, now(), forget));
}

/** @param {string} token */
function forget(token) {
  purse.remove(token);
  render();
  // The cookie must forget it too, or it would come back.
  void api.putPurchases(purse.list().map((one) => one.token)).catch(() => {});
}

async function refresh() {
  try {
    answer = await sync(purse);
    state.textContent = "";
  } catch {
    state.textContent = "The cinema does not answer. This is what your browser remembers.";
  }
  render();
}

/**
 * Adds what the server finds genuine.
 *
 * @param {string[]} tokens
 */
async function take(tokens) {
  const held = new Set(purse.list().map((one) => one.token));
  const checked = await api.putPurchases(tokens);
  const fresh = checked.purchases.filter((purchase) => !held.has(purchase.token));
  for (const purchase of checked.purchases) purse.add(purchase);
  // The cookie now holds only what was checked: put all of ours back.
  await refresh();
  return {
    added: fresh.length,
    known: checked.purchases.length - fresh.length,
    refused: checked.rejected.length,
  };
}

place.append(
  state,
  list,
  copySection(site.name, purse, take),
  recoverSection(async (request, preimage) => {
    const access = await api.recover(request, preimage);
    purse.add(access);
    await refresh();
    return access;
  }),
);
render();
window.addEventListener("storage", render);
const carried = importText(location.hash);
// Out of the address at once: it would stay in the history.
if (location.hash) history.replaceState(null, "", location.pathname);
if (carried.length > 0) await take(carried).catch(refresh);
else await refresh();
if ((await collect(new PendingOrders(localStorage, now), purse)) > 0) await refresh();
