// @ts-check
// The form of a film's words and prices. What was written in it is read by `film-form.js`.

/** @import { StudioTitle, Tier } from "./types.js" */
/** @import { Texts } from "./film-form.js" */

import { h } from "../dom.js";
import { textsOf } from "./film-form.js";
import { offers } from "./words.js";

/** @param {StudioTitle} title @param {Tier[]} usual */
export function form(title, usual) {
  const texts = textsOf(title, usual);
  /** @type {Map<string, { input: HTMLElement, words: HTMLElement }>} */
  const places = new Map();

  /** @param {string} field @param {string} label @param {HTMLElement} input @param {string} [help] */
  const row = (field, label, input, help) => {
    const words = h("p", { class: "wrong-words", id: `wrong-${field}`, role: "alert" });
    input.setAttribute(
      "aria-describedby",
      help ? `help-${field} wrong-${field}` : `wrong-${field}`,
    );
    places.set(field, { input, words });
    return h(
      "div",
      { class: "row" },
      h("label", { for: `f-${field}` }, label),
      input,
      help && h("p", { class: "quiet", id: `help-${field}` }, help),
      words,
    );
  };
  /** @param {keyof Texts} field @param {Record<string, string | boolean>} [more] */
  const text = (field, more = {}) =>
    h("input", {
      id: `f-${field}`,
      name: field,
      type: "text",
      value: texts[field],
      autocomplete: "off",
      ...more,
    });
  /** @param {Texts["selling"]} value @param {string} label */
  const choice = (value, label) =>
    h(
      "label",
      { class: "choice" },
      h("input", { type: "radio", name: "selling", value, checked: texts.selling === value }),
      h("span", null, label),
    );

  const description = h("textarea", {
    id: "f-description",
    name: "description",
    rows: 5,
    maxlength: 10000,
  });
  description.value = texts.description;
  const digits = { inputmode: "numeric", maxlength: "15" };
  const own = h(
    "div",
    { class: "prices" },
    h("label", null, h("span", null, "Rent, sat"), text("rent_sat", digits)),
    h("label", null, h("span", null, "for hours"), text("rent_hours", digits)),
    h("label", null, h("span", null, "To own, sat"), text("own_sat", digits)),
  );
  const selling = h(
    "fieldset",
    { id: "f-tiers", tabindex: "-1" },
    h("legend", null, "What it costs"),
    choice("usual", `The site's prices: ${offers(null, usual)}`),
    choice("own", "Prices of its own"),
    own,
    choice("free", "Free"),
  );
  const wrongTiers = h("p", { class: "wrong-words", id: "wrong-tiers", role: "alert" });
  places.set("tiers", { input: selling, words: wrongTiers });
  const element = h(
    "form",
    { class: "film-form", novalidate: true },
    row("name", "Name", text("name", { maxlength: "200" })),
    row("description", "Description", description),
    h(
      "div",
      { class: "two" },
      row("year", "Year", text("year", { inputmode: "numeric", maxlength: "4" })),
      row("preview_s", "Free start, in seconds", text("preview_s", digits)),
    ),
    row(
      "tags",
      "Tags",
      text("tags"),
      "Separated by commas. A pass for a tag opens all films that carry it.",
    ),
    selling,
    wrongTiers,
  );
  const showOwn = () => {
    own.hidden = new FormData(element).get("selling") !== "own";
  };
  element.addEventListener("change", showOwn);
  showOwn();

  return {
    element,
    /** @returns {Texts} */
    texts: () => /** @type {Texts} */ ({ ...texts, ...Object.fromEntries(new FormData(element)) }),
    clear() {
      for (const { input, words } of places.values()) {
        words.textContent = "";
        input.removeAttribute("aria-invalid");
      }
    },
    /** @param {string} field @param {string} what */
    blame(field, what) {
      const place = places.get(field) ?? places.get("name");
      if (!place) return;
      place.words.textContent = what;
      place.input.setAttribute("aria-invalid", "true");
      place.input.focus();
    },
  };
}
