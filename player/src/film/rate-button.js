// @ts-check
// media-chrome's speed button, named by what it shows ("1x"), so that whoever speaks to the machine
// can say what they see.

import MediaPlaybackRateButton from "media-chrome/dist/media-playback-rate-button.js";

class RateButton extends MediaPlaybackRateButton {
  /** @param {string} name @param {string | null} before @param {string | null} value */
  attributeChangedCallback(name, before, value) {
    super.attributeChangedCallback(name, before, value);
    if (name === "mediaplaybackrate") this.setAttribute("aria-label", `Speed ${value ?? 1}x`);
  }
}

customElements.define("satreel-rate-button", RateButton);
