// @ts-check
// "Playing on another device": over the picture, with a button to take it back.

import { h } from "../dom.js";

export class Elsewhere {
  /** @param {HTMLElement | null} stage @param {() => void} takeBack */
  constructor(stage, takeBack) {
    this.stage = stage;
    this.button = h(
      "button",
      { type: "button", class: "button main", onclick: takeBack },
      "Watch here",
    );
    this.note = h(
      "div",
      { class: "elsewhere" },
      h("p", { role: "status" }, "Playing on another device."),
      this.button,
    );
  }

  get shown() {
    return this.note.isConnected;
  }

  show() {
    if (this.shown) return;
    // In full screen nothing but the player would be seen.
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => {});
    this.stage?.append(this.note);
    this.button.focus({ preventScroll: true });
  }

  hide() {
    this.note.remove();
  }
}
