// @ts-check
// The player's face: media-chrome's controls, put together.

/** @import { Title } from "../types.js" */

import "media-chrome/dist/media-controller.js";
import "media-chrome/dist/media-control-bar.js";
import "media-chrome/dist/media-fullscreen-button.js";
import "media-chrome/dist/media-loading-indicator.js";
import "media-chrome/dist/media-mute-button.js";
import "media-chrome/dist/media-pip-button.js";
import "media-chrome/dist/media-play-button.js";
import "media-chrome/dist/media-time-display.js";
import "media-chrome/dist/media-time-range.js";
import "media-chrome/dist/media-volume-range.js";

import { h, icon } from "../dom.js";
import "./rate-button.js";

const LOCK =
  "M7 11V8a5 5 0 0 1 10 0v3h1a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zm2 0h6V8a3 3 0 0 0-6 0z";

/**
 * @param {Title} title
 * @returns {{ player: HTMLElement, video: HTMLVideoElement, showFree: (end: number | null, duration: number | null) => void }}
 */
export function createPlayer(title) {
  const video = h("video", {
    slot: "media",
    playsinline: true,
    preload: "auto",
    poster: title.poster,
    tabindex: "-1",
  });
  const lock = h("span", { class: "lock", hidden: true }, icon(LOCK));
  const timeline = h("div", { class: "timeline" }, h("media-time-range"), lock);
  const player = h(
    "media-controller",
    { class: "player", hotkeys: "noarrowup noarrowdown", "aria-label": title.name },
    video,
    h("media-loading-indicator", { slot: "centered-chrome", noautohide: true }),
    h("media-play-button", { slot: "centered-chrome", class: "big", notooltip: true }),
    timeline,
    h(
      "media-control-bar",
      null,
      h("media-play-button", { notooltip: true }),
      h("media-mute-button", { notooltip: true }),
      h("media-volume-range"),
      h("media-time-display", { showduration: true, notoggle: true }),
      h("span", { class: "gap" }),
      h("satreel-rate-button", { notooltip: true, rates: "0.75 1 1.25 1.5 2" }),
      h("media-pip-button", { notooltip: true }),
      h("media-fullscreen-button", { notooltip: true }),
    ),
  );
  return {
    player,
    video,
    /** The free part as a brighter stretch, with a lock where it ends. */
    showFree(end, duration) {
      const locked = end !== null && duration !== null && end < duration;
      lock.hidden = !locked;
      timeline.classList.toggle("locked", locked);
      if (locked) timeline.style.setProperty("--free", String(end / duration));
    },
  };
}
