// @ts-check
// The free part of a broadcast: its session is kept, so that loading the page again is no new one, and
// its end is where the picture stops.

/** @import { Grant } from "../types.js" */

import { Place } from "../film/place.js";

const KEY = "satreel:glimpse:";

/** As a tab's place, and beside it the session of the free part. */
export class LivePlace extends Place {
  /** @param {Storage} tab @param {Storage} browser @param {string} title */
  constructor(tab, browser, title) {
    super(tab);
    this.browser = browser;
    this.key = KEY + title;
  }

  /** @override @param {string | null} token */
  session(token) {
    if (token !== null) return super.session(token);
    return this.browser.getItem(this.key) ?? undefined;
  }

  /** @override @param {string | null} token @param {string} session */
  keep(token, session) {
    if (token !== null) return super.keep(token, session);
    try {
      this.browser.setItem(this.key, session);
    } catch {
      // Without storage the free part begins anew with the page.
    }
  }
}

/** Counts the free seconds down, from the first picture on. */
export class Glimpse {
  /** @param {HTMLVideoElement} video @param {() => void} over */
  constructor(video, over) {
    this.over = over;
    this.left = Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    video.addEventListener("playing", () => this.count());
  }

  /** @param {Grant} grant */
  begin(grant) {
    this.stop();
    this.left = grant.full ? Infinity : (grant.preview_s ?? 0);
  }

  count() {
    if (this.left === Infinity || this.timer !== undefined) return;
    this.timer = setTimeout(this.over, this.left * 1000);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.left = Infinity;
  }
}
