// @ts-check
// Films dropped anywhere on the page, or chosen.

import { h } from "../dom.js";

/** What a browser may offer; what a film is, the transcoder says. */
export const KINDS = "video/*,audio/*,.mkv,.mov,.avi,.ts,.mpg,.mpeg,.flv,.webm,.mp4,.m4v";

/** @param {(files: File[]) => void} take */
export function dropZone(take) {
  const input = h("input", {
    type: "file",
    accept: KINDS,
    multiple: true,
    hidden: true,
    "aria-label": "Films",
  });
  input.addEventListener("change", () => {
    take([...(input.files ?? [])]);
    input.value = "";
  });
  const veil = h("div", { class: "veil", hidden: true }, h("p", null, "Drop it, and it goes up"));
  document.body.append(input, veil);

  /** @param {DragEvent} event */
  const carries = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    veil.hidden = true;
    take([...(event.dataTransfer?.files ?? [])]);
  });
  return { pick: () => input.click() };
}
