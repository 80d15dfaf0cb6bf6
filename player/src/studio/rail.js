// @ts-check
// The way around: a rail on the left of a desktop, tabs below on a phone.

import { h, icon } from "../dom.js";

const PLACES = [
  ["today", "Today", "M4 11l8-7 8 7v9h-5v-6H9v6H4z"],
  ["films", "Films", "M4 5h16v14H4zM8 5v14M16 5v14M4 10h4M4 14h4M16 10h4M16 14h4"],
  [
    "live",
    "Live",
    "M12 12h.01M8.5 15.5a5 5 0 0 1 0-7M15.5 8.5a5 5 0 0 1 0 7M5.6 18.4a9 9 0 0 1 0-12.8M18.4 5.6a9 9 0 0 1 0 12.8",
  ],
  ["sales", "Sales", "M5 20V10M12 20V4M19 20v-7"],
  ["node", "Node", "M13 3L5 14h6l-1 7 8-11h-6z"],
];

/** @param {string} site */
export function rail(site) {
  const links = PLACES.map(([place = "", name = "", path = ""]) =>
    h(
      "a",
      { href: `#${place}`, "data-place": place },
      icon(path, "icon line"),
      h("span", null, name),
    ),
  );
  const element = h(
    "nav",
    { class: "rail", "aria-label": "Studio" },
    h(
      "a",
      { class: "brand", href: "/" },
      h("span", { class: "ember", "aria-hidden": "true" }),
      h("span", null, site),
    ),
    ...links,
  );
  /** @param {string} place */
  const mark = (place) => {
    for (const link of links) {
      if (link.dataset.place === place) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  return { element, mark };
}
