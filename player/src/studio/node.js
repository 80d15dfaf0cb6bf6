// @ts-check
// Node: whether the till is open, what the channels can bring, how much room there is; and the way out.

/** @import { StudioState } from "./types.js" */

import { h } from "../dom.js";
import { sats } from "../words.js";
import * as api from "./api.js";
import { alarm } from "./lines.js";
import { BACKENDS, inbound, trouble } from "./node-words.js";
import { size } from "./words.js";

export function nodeView() {
  const warning = h("div");
  const facts = h("dl", { class: "facts-list" });
  const state = h("p", { class: "quiet", role: "status" });
  const element = h(
    "div",
    { class: "view" },
    h("h1", null, "Node"),
    warning,
    facts,
    h(
      "section",
      { class: "stack" },
      h("h2", null, "This browser"),
      h(
        "p",
        { class: "quiet" },
        "You stay in as long as you use the studio. To end every browser and every key at once, print a new link with satreel studio-link --end-all.",
      ),
      h(
        "div",
        { class: "actions" },
        h(
          "button",
          { type: "button", class: "button", onclick: () => void leave(state) },
          "Leave the studio",
        ),
      ),
      state,
    ),
  );
  let said = "";

  /** @param {StudioState} studio */
  function render({ today }) {
    if (!today) return;
    const { node, disk, version } = today;
    const words = trouble(node) ?? "";
    const lines = [
      ["Till", node.up ? "Open" : "Closed"],
      ["Paid by", BACKENDS[node.backend]],
      ["One payment can bring", inbound(node)],
      ["Your dearest price", node.dearest_sat === null ? "All is free" : sats(node.dearest_sat)],
      ["Past payments", node.reconciled ? "All taken in" : "Being taken in"],
      [
        "Room on the disk",
        disk ? `${size(disk.free_bytes)} of ${size(disk.total_bytes)} free` : "Not known",
      ],
      ["Version", version],
    ];
    const now = JSON.stringify([words, lines]);
    if (now === said) return;
    said = now;
    warning.replaceChildren(...(words ? [alarm(words)] : []));
    facts.replaceChildren(
      ...lines.map(([name, value]) =>
        h(
          "div",
          null,
          h("dt", null, name ?? ""),
          h("dd", { class: value === "Open" ? "good" : null }, value ?? ""),
        ),
      ),
    );
  }
  return { element, render };
}

/** @param {HTMLElement} state */
async function leave(state) {
  try {
    await api.leave();
    location.reload();
  } catch {
    state.textContent = "The cinema does not answer. Try again in a moment.";
  }
}
