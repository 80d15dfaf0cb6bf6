// @ts-check
// Elements that several views share: sales as lines, lists whose elements stay while they change.

/** @import { Sale, StudioState, Tip } from "./types.js" */

import { h } from "../dom.js";
import { sats } from "../words.js";
import { hideTip } from "./api.js";
import { bought, when } from "./words.js";

/**
 * Brings a list in step with what there is. Elements stay, so that focus stays with them.
 *
 * @template T
 * @param {HTMLElement} list @param {T[]} items @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement & { update?: (item: T) => void }} make
 */
export function keyed(list, items, key, make) {
  /** @type {Map<string, HTMLElement & { update?: (item: T) => void }>} */
  const known = new Map();
  for (const child of list.children) {
    const element = /** @type {HTMLElement} */ (child);
    known.set(element.dataset.key ?? "", element);
  }
  items.forEach((item, at) => {
    const name = key(item);
    let element = known.get(name);
    known.delete(name);
    if (!element) {
      element = make(item);
      element.dataset.key = name;
    }
    element.update?.(item);
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
  });
  for (const element of known.values()) element.remove();
}

/**
 * Sales and tips together, the newest first.
 *
 * @param {HTMLElement} list @param {StudioState} state @param {number} most @param {number} now
 */
export function takings(list, state, most, now) {
  const lines = [
    ...state.sales.map((sale) => ({ key: `s${sale.number}`, at: sale.settled_at, sale })),
    ...state.tips.map((tip) => ({ key: `t${tip.number}`, at: tip.at, tip })),
  ];
  lines.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  keyed(
    list,
    lines.slice(0, most),
    (line) => line.key,
    (line) => ("sale" in line ? saleLine(line.sale, now) : tipLine(line.tip, now)),
  );
}

/** @param {Sale} sale @param {number} now */
function saleLine(sale, now) {
  return line(bought(sale), sale.received_sat, sale.settled_at, now, sale.fresh);
}

/** @param {Tip} tip @param {number} now */
function tipLine(tip, now) {
  const thanks = tip.name ? `A tip for ${tip.name}` : "A tip";
  const words = tip.message ? `${thanks}: “${tip.message}”` : thanks;
  const element = line(words, tip.amount_sat, tip.at, now, tip.fresh);
  if (tip.channel && tip.message) element.append(hiding(tip, element));
  return element;
}

/** Takes a tip off the channel's page and overlay, or puts it back. @param {Tip} tip @param {HTMLElement} element */
function hiding(tip, element) {
  const button = h("button", { type: "button", class: "button small" });
  const show = (/** @type {boolean} */ hidden) => {
    button.textContent = hidden ? "Show again" : "Hide";
    element.classList.toggle("unseen", hidden);
  };
  let { hidden } = tip;
  show(hidden);
  button.addEventListener("click", () => {
    button.disabled = true;
    hideTip(tip.number, !hidden)
      .then((/** @type {Tip} */ now) => show((hidden = now.hidden)))
      .catch(() => {
        button.textContent = "Try again";
      })
      .finally(() => (button.disabled = false));
  });
  return button;
}

/** @param {string} words @param {number} sat @param {string} at @param {number} now @param {boolean} [fresh] */
function line(words, sat, at, now, fresh) {
  return h(
    "li",
    { class: fresh ? "taking fresh" : "taking" },
    h("time", { class: "quiet", datetime: at }, when(at, now)),
    h("span", { class: "words" }, words),
    h("span", { class: "price" }, sats(sat)),
  );
}

/** One large figure. @param {string} name @returns {HTMLElement & { say: (value: string, more?: string) => void }} */
export function figure(name) {
  const value = h("dd", { class: "value" });
  const more = h("dd", { class: "quiet" });
  const box = h("div", { class: "figure" }, h("dt", null, name), value, more);
  return Object.assign(box, {
    /** @param {string} text @param {string} [rest] */
    say(text, rest = "") {
      value.textContent = text;
      more.textContent = rest;
    },
  });
}

/** A note that stands beside what it concerns. @param {string} words @param {Node | null} [remedy] */
export function alarm(words, remedy = null) {
  return h("div", { class: "note alarm", role: "alert" }, h("p", null, words), remedy);
}
