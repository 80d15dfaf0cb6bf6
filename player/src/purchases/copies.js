// @ts-check
// A copy of everything as a file, and taking one in.

/** @import { Purse } from "../purse.js" */

import { h } from "../dom.js";
import { exportFile, importText } from "../purse.js";

/**
 * @param {string} site its name, for the file @param {Purse} purse
 * @param {(tokens: string[]) => Promise<{ added: number, known: number, refused: number }>} take
 */
export function copySection(site, purse, take) {
  const state = h("p", { class: "state", role: "status", "aria-live": "polite" });
  const field = h("textarea", {
    id: "import-text",
    rows: 4,
    spellcheck: "false",
    autocomplete: "off",
  });

  /** @param {string} text */
  const bring = async (text) => {
    const tokens = importText(text);
    if (tokens.length === 0) {
      state.textContent = "No purchases were found in it.";
      return;
    }
    try {
      const { added, known, refused } = await take(tokens);
      state.textContent = words(added, known, refused);
      if (refused === 0) field.value = "";
    } catch {
      state.textContent = "The cinema does not answer. Try again in a moment.";
    }
  };

  const file = h("input", {
    type: "file",
    id: "import-file",
    accept: "application/json,.json,text/plain",
    onchange: async () => {
      const chosen = file.files?.[0];
      if (!chosen) return;
      await bring(await chosen.text());
      file.value = "";
    },
  });

  return h(
    "section",
    { class: "stack card-box", "aria-labelledby": "copies" },
    h("h2", { id: "copies" }, "Copies"),
    h(
      "p",
      { class: "quiet" },
      "A saved copy plays on any device. Keep it like a ticket: whoever has it can watch.",
    ),
    h(
      "button",
      {
        type: "button",
        class: "button",
        onclick: () => {
          const tokens = purse.list().map((one) => one.token);
          if (tokens.length === 0) {
            state.textContent = "There is nothing to save yet.";
            return;
          }
          save(site, exportFile(site, tokens));
          state.textContent = "Saved.";
        },
      },
      "Save a copy",
    ),
    h("label", { for: "import-file" }, "Open a copy"),
    file,
    h(
      "form",
      {
        class: "stack",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          void bring(field.value);
        },
      },
      h("label", { for: "import-text" }, "Or paste its text"),
      field,
      h("button", { type: "submit", class: "button" }, "Add to this device"),
    ),
    state,
  );
}

/** @param {string} site @param {string} content */
function save(site, content) {
  const url = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  const name =
    site
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "") || "satreel";
  h("a", { href: url, download: `${name}-purchases.json` }).click();
  // The download has its own reference to the blob once it began.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {number} added @param {number} known @param {number} refused */
function words(added, known, refused) {
  const parts = [];
  if (added > 0) parts.push(`${added} added.`);
  if (known > 0) parts.push(`${known} you had already.`);
  if (refused > 0) parts.push(`${refused} not from this cinema, or changed on the way.`);
  return parts.join(" ");
}
