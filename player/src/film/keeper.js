// @ts-check
// Keeps what is playing allowed: renews while the film runs, and notices when the rent ends.

/** @import { Grant } from "../types.js" */
/** @import { Grants } from "./grants.js" */

/** Timers beyond 2^31 ms fire at once; and a sleeping machine makes long ones wrong anyway. */
const LOOK_MS = 15_000;
/** While an outage lasts a rent's end moves along: asked for again no sooner than this. */
const AGAIN_MS = 5000;
/** Tracks rarely end on the same frame. */
const HERE_S = 0.5;

export class Keeper {
  /**
   * @param {HTMLVideoElement} video @param {Grants} grants @param {() => number} now milliseconds
   * @param {() => void} ranOut
   */
  constructor(video, grants, now, ranOut) {
    this.video = video;
    this.grants = grants;
    this.now = now;
    this.ranOut = ranOut;
    /** @type {number | null} */
    this.end = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    const look = () => this.look();
    video.addEventListener("play", look);
    document.addEventListener("visibilitychange", look);
    window.addEventListener("pageshow", look);
    setInterval(look, LOOK_MS);
  }

  /** @param {string | null} expiresAt null: for ever, or nothing to watch for */
  until(expiresAt) {
    this.end = expiresAt === null ? null : Date.parse(expiresAt);
    this.look();
  }

  look() {
    clearTimeout(this.timer);
    if (this.end !== null) {
      const left = this.end - this.now();
      if (left <= 0) {
        this.end = null;
        void this.ended();
        return;
      }
      if (left < LOOK_MS) this.timer = setTimeout(() => this.look(), left + 50);
    }
    // A paused film keeps no place among the devices that play: renewed when it goes on.
    if (this.video.paused) return;
    // With all of it here no request would tell that another device has taken the place.
    if (this.grants.current?.full && this.allHere()) void this.grants.confirm();
    else if (!this.grants.fresh()) void this.grants.ready();
  }

  /** What opens it now ends then, as the server says. @param {Grant} grant */
  told(grant) {
    if (!grant.full || !grant.ends_at) return;
    const end = Math.max(Date.parse(grant.ends_at), this.now() + AGAIN_MS);
    this.until(new Date(end).toISOString());
  }

  /** Time is over, by what was said of it; an outage may have added some since. */
  async ended() {
    try {
      this.told(await this.grants.renew());
    } catch {
      this.ranOut();
    }
  }

  /** Is the rest of the film in the browser already? */
  allHere() {
    const { buffered, duration } = this.video;
    return buffered.length > 0 && buffered.end(buffered.length - 1) >= duration - HERE_S;
  }
}
