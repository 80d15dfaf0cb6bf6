// @ts-check

import { h } from "../dom.js";

/**
 * @param {string} text @param {HTMLElement} beside where the old way may put its field: inside an
 *   open dialog, everything else cannot be selected
 * @returns {Promise<boolean>}
 */
export async function copyText(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages served without TLS (a cinema in the house) have no clipboard API.
    const field = h("textarea", { readonly: true, class: "offscreen", "aria-hidden": "true" });
    field.value = text;
    beside.after(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    beside.focus();
    return copied;
  }
}
