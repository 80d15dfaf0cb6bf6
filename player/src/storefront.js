// @ts-check
// Marks what this browser owns on the cards: "Yours", "12 h left"; and clips of them.

import { h } from "./dom.js";
import { Purse } from "./purse.js";
import { collect } from "./sale/collect.js";
import { PendingOrders } from "./sale/pending.js";
import { showClips } from "./storefront/clip.js";
import { remaining } from "./words.js";

const purse = new Purse(localStorage);

function mark() {
  for (const card of document.querySelectorAll("[data-title]")) {
    card.querySelector(".mark.yours")?.remove();
    const scopes = /** @type {HTMLElement} */ (card).dataset.scopes?.split(" ") ?? [];
    // Close enough here; the film page knows the server's time.
    const held = purse.forTitle(scopes, Date.now());
    card.classList.toggle("is-yours", held !== null);
    if (!held) continue;
    card
      .querySelector(".frame")
      ?.append(h("span", { class: "mark yours" }, remaining(held.expires_at, Date.now())));
    const button = card.querySelector("a.button.main");
    if (button) button.textContent = "Watch";
  }
}

mark();
showClips();
void collect(new PendingOrders(localStorage, Date.now), purse).then((found) => found > 0 && mark());
window.addEventListener("pageshow", mark);
window.addEventListener("storage", mark);
