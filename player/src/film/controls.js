// @ts-check
// The player's face: media-chrome's controls, put together.

/** @import { Title } from "../types.js" */
/** @import { Sounds } from "./sounds.js" */

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
import "media-chrome/dist/menu/media-audio-track-menu-button.js";
import "media-chrome/dist/menu/media-audio-track-menu.js";
import "media-chrome/dist/menu/media-captions-menu-button.js";
import "media-chrome/dist/menu/media-captions-menu.js";
// The menus make these, and leave it to others to say what they are.
import "media-chrome/dist/menu/media-chrome-menu-item.js";

import { h, icon } from "../dom.js";
import "./rate-button.js";

const LOCK =
  "M7 11V8a5 5 0 0 1 10 0v3h1a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zm2 0h6V8a3 3 0 0 0-6 0z";

/**
 * Without the button that leads back to a menu above it: there is none.
 *
 * @param {string} name
 */
const menu = (name) =>
  h(name, { hidden: true, anchor: "auto" }, h("span", { slot: "header", hidden: true }));

/**
 * A recording's loudness above its timeline, coloured as far as it was heard.
 *
 * @param {HTMLVideoElement} video @param {string} drawing
 */
function waveform(video, drawing) {
  const wave = h("div", { class: "wave" });
  wave.style.maskImage = `url("${drawing}")`;
  const heard = () =>
    wave.style.setProperty("--heard", String(video.currentTime / video.duration || 0));
  for (const name of ["timeupdate", "seeking"]) video.addEventListener(name, heard);
  return wave;
}

/**
 * @param {Title} title
 * @param {Sounds | null} sounds what the engine found; without: the browser's own list
 * @returns {{ player: HTMLElement, video: HTMLVideoElement, timeline: HTMLElement,
 *   showFree: (end: number | null, duration: number | null) => void, say: (words: string) => void }}
 */
export function createPlayer(title, sounds) {
  const video = h("video", {
    slot: "media",
    playsinline: true,
    preload: "auto",
    poster: title.poster,
    tabindex: "-1",
  });
  // Before media-chrome looks for it.
  if (sounds) Object.defineProperty(video, "audioTracks", { value: sounds });
  const word = h("p", { slot: "top-chrome", class: "word", role: "status", noautohide: true });
  const lock = h("span", { class: "lock", hidden: true }, icon(LOCK));
  const timeline = h(
    "div",
    { class: "timeline" },
    title.waveform && waveform(video, title.waveform),
    h("media-time-range"),
    lock,
  );
  const player = h(
    "media-controller",
    { class: "player", hotkeys: "noarrowup noarrowdown", "aria-label": title.name },
    video,
    h("media-loading-indicator", { slot: "centered-chrome", noautohide: true }),
    h("media-play-button", { slot: "centered-chrome", class: "big", notooltip: true }),
    word,
    menu("media-captions-menu"),
    menu("media-audio-track-menu"),
    timeline,
    h(
      "media-control-bar",
      null,
      h("media-play-button", { notooltip: true }),
      h("media-mute-button", { notooltip: true }),
      h("media-volume-range"),
      h("media-time-display", { showduration: true, notoggle: true }),
      h("span", { class: "gap" }),
      h("media-captions-menu-button", { notooltip: true }),
      h("media-audio-track-menu-button", { notooltip: true }),
      h("satreel-rate-button", { notooltip: true, rates: "0.75 1 1.25 1.5 2" }),
      h("media-pip-button", { notooltip: true }),
      h("media-fullscreen-button", { notooltip: true }),
    ),
  );
  // Where there is nothing to choose there is no button.
  const choices = () => player.classList.toggle("has-sounds", (sounds?.tracks.length ?? 0) > 1);
  sounds?.addEventListener("addtrack", choices);
  return {
    player,
    video,
    timeline,
    /** A quiet word over the picture; "" takes it back. */
    say(words) {
      if (word.textContent !== words) word.textContent = words;
    },
    /** The free part as a brighter stretch, with a lock where it ends. */
    showFree(end, duration) {
      const locked = end !== null && duration !== null && end < duration;
      lock.hidden = !locked;
      timeline.classList.toggle("locked", locked);
      if (locked) timeline.style.setProperty("--free", String(end / duration));
    },
  };
}
