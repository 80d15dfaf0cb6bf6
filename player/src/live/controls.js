// @ts-check
// The face of a live player: media-chrome's controls, with the way back to the edge.

/** @import { Title } from "../types.js" */

import "media-chrome/dist/media-controller.js";
import "media-chrome/dist/media-control-bar.js";
import "media-chrome/dist/media-fullscreen-button.js";
import "media-chrome/dist/media-live-button.js";
import "media-chrome/dist/media-loading-indicator.js";
import "media-chrome/dist/media-mute-button.js";
import "media-chrome/dist/media-pip-button.js";
import "media-chrome/dist/media-play-button.js";
import "media-chrome/dist/media-time-range.js";
import "media-chrome/dist/media-volume-range.js";

import { h } from "../dom.js";

/** @param {Title} title @returns {{ player: HTMLElement, video: HTMLVideoElement }} */
export function createLivePlayer(title) {
  const video = h("video", { slot: "media", playsinline: true, preload: "auto", tabindex: "-1" });
  const player = h(
    "media-controller",
    {
      class: "player",
      hotkeys: "noarrowup noarrowdown",
      defaultstreamtype: "live",
      liveedgeoffset: "6",
      "aria-label": title.name,
    },
    video,
    h("media-loading-indicator", { slot: "centered-chrome", noautohide: true }),
    h("media-play-button", { slot: "centered-chrome", class: "big", notooltip: true }),
    h("div", { class: "timeline" }, h("media-time-range")),
    h(
      "media-control-bar",
      null,
      h("media-play-button", { notooltip: true }),
      h("media-mute-button", { notooltip: true }),
      h("media-volume-range"),
      h("media-live-button"),
      h("span", { class: "gap" }),
      h("media-pip-button", { notooltip: true }),
      h("media-fullscreen-button", { notooltip: true }),
    ),
  );
  return { player, video };
}
