// @ts-check
// What stands beside the player: the offers, or that it is yours, or what is wrong and what to do.

/** @import { Offer, Title } from "../types.js" */
/** @import { Choice } from "./choice.js" */
/** @import { Problem } from "../api.js" */

import { now } from "../clock.js";
import { byId, h } from "../dom.js";
import { collection, credit, remaining } from "../words.js";

/** @type {Record<string, string>} */
const REFUSALS = {
  "token-expired": "Your time with this film ran out. You can watch it again.",
  denied: "This purchase was closed by the cinema.",
  "bad-token": "This purchase was not made here, or it was changed on its way.",
  "retired-key": "The cinema changed its locks. Your wallet's history brings this purchase back.",
  "wrong-title": "This purchase is for another film.",
};
const CLOSED = "The cinema is closed for the moment.";

/** By which purchase. @param {{ scope: string, tag?: string | null }} held */
function ownedBy({ scope, tag }) {
  if (scope === "site") return "You have every film on this device.";
  if (scope.startsWith("tag:")) return `${collection(tag)}: yours on this device.`;
  return "You already own this on this device.";
}

export class Notices {
  /**
   * @param {Title} title @param {Choice} choice
   * @param {{ buy: (offer: Offer) => void, play: () => void, retry: () => void, reload: () => void }} act
   */
  constructor(title, choice, act) {
    this.title = title;
    this.act = act;
    this.place = byId("offers");
    this.mark = byId("mark");
    this.form = title.tiers.length > 0 ? choice.form(act.buy) : null;
    this.note = h("p", { class: "note", role: "alert", hidden: true });
  }

  offers() {
    if (this.mark) this.mark.hidden = true;
    if (this.title.free || !this.form) return;
    this.place?.replaceChildren(
      this.note,
      this.form,
      h("p", { class: "quiet" }, "Pay with any Lightning wallet. Nothing to sign up for."),
    );
  }

  /** @param {{ expires_at: string | null, scope: string, tag?: string | null, credit_s?: number }} held */
  owned(held) {
    const added = held.credit_s ? credit(held.credit_s) : null;
    const words = remaining(held.expires_at, now());
    if (this.mark) {
      this.mark.textContent = words;
      this.mark.hidden = false;
    }
    this.note.hidden = true;
    this.place?.replaceChildren(
      this.note,
      h(
        "p",
        { class: "owned" },
        h("strong", null, words),
        added ? h("span", { class: "credit" }, added) : null,
        h("span", { class: "quiet" }, ownedBy(held)),
      ),
      h("button", { type: "button", class: "button", onclick: this.act.play }, "Watch"),
      h("p", { class: "quiet" }, h("a", { href: "/purchases" }, "Save a copy for other devices")),
    );
  }

  /** @param {Problem} problem */
  refused(problem) {
    this.say(
      problem.away ? CLOSED : (REFUSALS[problem.slug] ?? problem.detail),
      problem.away ? this.act.retry : null,
    );
    if (problem.slug === "retired-key") {
      this.note.append(" ", h("a", { href: "/purchases" }, "Get it back"));
    }
  }

  /** @param {"network" | "media"} fault */
  fault(fault) {
    this.say(
      fault === "network"
        ? "The film stopped coming. Look at your connection, then try again."
        : "This browser cannot play the film.",
      fault === "network" ? this.act.reload : null,
    );
  }

  /** @param {string} words @param {(() => void) | null} again */
  say(words, again) {
    this.note.replaceChildren(words);
    if (again) {
      const retry = () => {
        this.note.hidden = true;
        again();
      };
      this.note.append(
        h("button", { type: "button", class: "button small", onclick: retry }, "Try again"),
      );
    }
    this.note.hidden = false;
    if (!this.note.isConnected) this.place?.prepend(this.note);
  }
}
