// @ts-check
// A few seconds of a film without sound while the pointer rests on its card. Nothing is fetched before,
// and nothing moves for those who asked for stillness or for few bytes.

import { h } from "../dom.js";

/** A pointer that only passes starts nothing. */
const RESTS_MS = 200;

const hovers = matchMedia("(hover: hover) and (pointer: fine)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

function wanted() {
  const { connection } = /** @type {{ connection?: { saveData?: boolean } }} */ (navigator);
  return hovers.matches && !still.matches && connection?.saveData !== true;
}

export function showClips() {
  for (const card of document.querySelectorAll("[data-hover]")) {
    const frame = card.querySelector(".frame");
    const url = /** @type {HTMLElement} */ (card).dataset.hover;
    if (frame && url) showClip(/** @type {HTMLElement} */ (frame), url);
  }
}

/** @param {HTMLElement} frame @param {string} url */
function showClip(frame, url) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {HTMLVideoElement | null} */
  let clip = null;
  const start = () => {
    const video = h("video", { class: "clip", playsinline: true, tabindex: "-1", src: url });
    // The attribute alone does not silence a film made by a script.
    video.muted = true;
    video.loop = true;
    video.disablePictureInPicture = true;
    video.addEventListener("playing", () => video.classList.add("plays"));
    clip = video;
    // Under the length and the price.
    frame.querySelector(".poster, .noposter")?.after(video);
    video.play().catch(() => clip === video && stop());
  };
  const stop = () => {
    clearTimeout(timer);
    clip?.remove();
    // A film that is not shown still loads, unless it has nothing to load.
    clip?.removeAttribute("src");
    clip?.load();
    clip = null;
  };
  frame.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "mouse" || !wanted()) return;
    stop();
    timer = setTimeout(start, RESTS_MS);
  });
  frame.addEventListener("pointerleave", stop);
  window.addEventListener("pagehide", stop);
}
