// @ts-check
// Elements without markup in strings: whatever a film is called, it stays text.

/** @import { Attributes, CreateElement } from "./types.js" */

/**
 * `h("button", { type: "button", onclick }, "Copy")`. Attributes that are `false`, `null` or
 * `undefined` are left out, so are such children; `class` and `data-*` are ordinary attributes.
 */
export const h = /** @type {CreateElement} */ (
  /** @type {(tag: string, attributes?: Attributes | null, ...children: (Node | string | null | false | undefined)[]) => HTMLElement} */
  (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (typeof value === "function") element.addEventListener(name.slice(2), value);
      else if (value !== false && value !== null && value !== undefined) {
        element.setAttribute(name, value === true ? "" : String(value));
      }
    }
    for (const child of children) if (child) element.append(child);
    return element;
  }
);

/**
 * @param {string} tag @param {Record<string, string | number>} attributes
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** A line icon of 24 units. @param {string} path @param {string} [className] */
export function icon(path, className = "icon") {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: className, "aria-hidden": "true", focusable: "false" },
    svg("path", { d: path }),
  );
}

/** @param {string} id @returns {HTMLElement | null} */
export const byId = (id) => document.getElementById(id);

/** What the server put on the page for its script. @returns {any} */
export function pageData() {
  return JSON.parse(byId("satreel-data")?.textContent || "{}");
}
