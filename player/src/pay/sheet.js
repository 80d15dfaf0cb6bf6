// @ts-check
// The panel that rises over the page: a dialog with a heading, a body and one line of state.

import { h, icon } from "../dom.js";

const CLOSE = "M6 6l12 12M18 6L6 18";
/** How long "paid" stands before the panel lifts. */
const PAID_MS = 450;
const LIFT_MS = 200;

export class Sheet {
  /** @param {() => void} onleave the viewer puts it away */
  constructor(onleave) {
    this.heading = h("h2", { id: "sheet-heading" });
    this.body = h("div", { class: "sheet-body" });
    this.line = h("p", { class: "state", role: "status", "aria-live": "polite" });
    this.foot = h("div", { class: "sheet-foot" });
    this.ring = h("div", { class: "ring-place" });
    this.dialog = h(
      "dialog",
      { class: "sheet", "aria-labelledby": "sheet-heading" },
      h(
        "header",
        null,
        this.heading,
        h(
          "button",
          { type: "button", class: "round", "aria-label": "Close", onclick: () => this.leave() },
          icon(CLOSE, "icon line"),
        ),
      ),
      this.body,
      h("div", { class: "state-row" }, this.ring, this.line),
      this.foot,
    );
    this.onleave = onleave;
    /** @type {number | undefined} */
    this.lifting = undefined;
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.leave();
    });
    // A click on the darkened picture.
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.leave();
    });
    document.body.append(this.dialog);
  }

  leave() {
    this.hide();
    this.onleave();
  }

  /**
   * @param {string} heading
   * @param {{ body?: (Node | null)[], ring?: Node | null, state?: string, foot?: (Node | null)[] }} parts
   */
  show(heading, { body = [], ring = null, state = "", foot = [] }) {
    clearTimeout(this.lifting);
    this.dialog.classList.remove("paid", "lifting");
    this.heading.textContent = heading;
    this.body.replaceChildren(...body.filter((part) => part !== null));
    this.ring.replaceChildren(...(ring ? [ring] : []));
    this.foot.replaceChildren(...foot.filter((part) => part !== null));
    if (!this.dialog.open) this.dialog.showModal();
    this.say(state);
    /** @type {HTMLElement | null} */ (this.dialog.querySelector("[autofocus]"))?.focus();
  }

  /** @param {string} words */
  say(words) {
    if (this.line.textContent !== words) this.line.textContent = words;
  }

  hide() {
    clearTimeout(this.lifting);
    if (this.dialog.open) this.dialog.close();
  }

  /** Paid: says so, then lifts. @param {string} words */
  lift(words) {
    if (!this.dialog.open) return;
    this.say(words);
    this.dialog.classList.add("paid");
    this.lifting = window.setTimeout(() => {
      this.dialog.classList.add("lifting");
      this.lifting = window.setTimeout(() => this.hide(), LIFT_MS);
    }, PAID_MS);
  }
}
