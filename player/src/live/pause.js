// @ts-check
// "Back in a moment": over a picture that stands still though it should move.

import { h } from "../dom.js";

/** Shorter stops are the network's, and the loading indicator says so. */
const STILL_MS = 1500;
const LOOK_MS = 250;

export class Pause {
  /** @param {HTMLElement | null} stage @param {HTMLVideoElement} video */
  constructor(stage, video) {
    this.stage = stage;
    this.video = video;
    this.words = h("p", null);
    this.note = h("div", { class: "moment", role: "status" }, this.words);
    this.at = -1;
    this.since = performance.now();
    this.over = false;
    setInterval(() => this.look(), LOOK_MS);
  }

  /** The broadcast has ended: nothing comes back. */
  end() {
    this.over = true;
  }

  look() {
    const { video } = this;
    const moved = video.currentTime !== this.at;
    if (moved || (video.paused && !video.ended)) {
      this.at = video.currentTime;
      this.since = performance.now();
      this.note.remove();
      this.stage?.classList.remove("still");
      return;
    }
    if (this.over) this.say("The broadcast is over.");
    else if (video.readyState > 0 && performance.now() - this.since >= STILL_MS) {
      this.say("Back in a moment.");
    }
  }

  /** @param {string} words */
  say(words) {
    if (this.words.textContent !== words) this.words.textContent = words;
    if (this.note.isConnected) return;
    this.stage?.classList.add("still");
    this.stage?.append(this.note);
  }
}
