// @ts-check
// The list of purchases, with what is left of each.

/** @import { Purchase, Purchases } from "../types.js" */
/** @import { Held, Purse } from "../purse.js" */

import { h } from "../dom.js";
import { carryUrl } from "../purse.js";
import { collection, credit, remaining } from "../words.js";
import { qrImage } from "./qr.js";

/**
 * @param {Purse} purse @param {Purchases | null} answer what the server said of them, if it did
 * @param {number} now milliseconds @param {(token: string) => void} forget
 */
export function purchaseList(purse, answer, now, forget) {
  const held = purse.list();
  if (held.length === 0) {
    return h(
      "div",
      { class: "empty small" },
      h("h2", null, "Nothing here yet"),
      h("p", { class: "quiet" }, "What you buy appears here at once."),
      h("a", { class: "button main", href: "/" }, "To the films"),
    );
  }
  const known = new Map(answer?.purchases.map((purchase) => [purchase.token, purchase]));
  const retired = new Set(answer?.rejected.filter((one) => one.retired).map((one) => one.token));
  return h(
    "ul",
    { class: "owned-list" },
    ...held.map((one) => {
      const refused =
        answer !== null && !known.has(one.token) ? refusal(retired.has(one.token)) : null;
      return line(one, known.get(one.token), refused, now, forget);
    }),
  );
}

/**
 * @param {Held} held @param {Purchase | undefined} purchase
 * @param {string | null} refused why the server does not take it
 * @param {number} now @param {(token: string) => void} forget
 */
function line(held, purchase, refused, now, forget) {
  const { name, href } = what(held, purchase);
  const over = held.expires_at !== null && Date.parse(held.expires_at) <= now;
  const code = h("div", { class: "code-place", hidden: true });
  return h(
    "li",
    { class: over || refused ? "over" : null },
    h(
      "a",
      { class: "frame", href, tabindex: "-1", "aria-hidden": "true" },
      purchase?.title?.poster
        ? h("img", { class: "poster", src: purchase.title.poster, alt: "", loading: "lazy" })
        : h("span", { class: "noposter" }, name.slice(0, 1)),
    ),
    h(
      "div",
      { class: "text" },
      h("a", { class: "name", href }, name),
      h(
        "span",
        { class: over || refused ? "mark" : "mark yours" },
        refused ?? remaining(held.expires_at, now),
      ),
      purchase?.credit_s && !over
        ? h("span", { class: "quiet credit" }, credit(purchase.credit_s))
        : null,
    ),
    h(
      "div",
      { class: "actions" },
      over || refused
        ? h(
            "button",
            { type: "button", class: "button small", onclick: () => forget(held.token) },
            "Remove",
          )
        : h(
            "button",
            {
              type: "button",
              class: "button small",
              "aria-expanded": "false",
              onclick: (/** @type {Event} */ event) => toggle(event, code, held.token, name),
            },
            "Show as code",
          ),
    ),
    code,
  );
}

/** @param {boolean} retired was it signed with a key that has been retired since? */
function refusal(retired) {
  return retired ? "Get it back from your wallet, below" : "Not from this cinema";
}

/** What it is, and where it plays. @param {Held} held @param {Purchase | undefined} purchase */
function what(held, purchase) {
  const id = held.scope.replace(/^title:/, "");
  if (held.scope === "site") return { name: "Every film", href: "/" };
  if (held.scope !== id) {
    return { name: purchase?.title?.name ?? held.name ?? "A film", href: `/w/${id}` };
  }
  const tag = purchase?.tag ?? held.tag;
  return { name: collection(tag), href: tag ? `/?tag=${encodeURIComponent(tag)}` : "/" };
}

/** @param {Event} event @param {HTMLElement} place @param {string} token @param {string} name */
function toggle(event, place, token, name) {
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  place.hidden = !place.hidden;
  button.setAttribute("aria-expanded", String(!place.hidden));
  button.textContent = place.hidden ? "Show as code" : "Hide code";
  if (place.hidden) return place.replaceChildren();
  place.replaceChildren(
    qrImage(carryUrl(location.origin, token), `${name} as a code to scan`),
    h(
      "p",
      { class: "quiet" },
      "Scan it with the camera of the other device. Whoever has it can watch.",
    ),
  );
}
