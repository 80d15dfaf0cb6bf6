// @ts-check
// The right to fetch media, short-lived and renewed unseen. The newest one is always `current`; the
// loader puts it into every request.

/** @import { Grant } from "../types.js" */

/** Renewed when less than this is left, so that no request leaves with one about to end. */
const MARGIN_MS = 45_000;

/**
 * @typedef {(body: { title: string, session?: string, whole_timeline?: boolean,
 *   native?: boolean }, token: string | null) => Promise<Grant>} Ask
 */

export class Grants {
  /**
   * @param {string} title @param {Ask} ask
   * @param {() => number} now milliseconds, the server's
   * @param {boolean} wholeTimeline can the engine wait for what is not open yet?
   * @param {import("./place.js").Place} place
   */
  constructor(title, ask, now, wholeTimeline, place) {
    this.title = title;
    this.ask = ask;
    this.now = now;
    this.wholeTimeline = wholeTimeline;
    this.place = place;
    /** @type {Grant | null} */
    this.current = null;
    /** @type {string | null} */
    this.token = null;
    /** @type {Promise<Grant> | null} */
    this.asking = null;
    /** Told when renewal is refused: the rent ran out, too many devices. @type {(problem: any) => void} */
    this.onrefused = () => {};
    /** Told of every newer one. @type {(grant: Grant) => void} */
    this.onrenewed = () => {};
  }

  /** With what is owned, or without. @param {string | null} token @returns {Promise<Grant>} */
  async open(token) {
    this.token = token;
    // An older request would answer for the older token.
    this.asking = null;
    return this.renew();
  }

  /** As a new device, which puts the oldest one out. @param {string} token @returns {Promise<Grant>} */
  takeBack(token) {
    this.place.leave();
    return this.open(token);
  }

  /** @returns {Promise<Grant>} */
  renew() {
    if (this.asking) return this.asking;
    const token = this.token;
    const session = this.place.session(token);
    // The browser's own player keeps the address it began with: its right must last the film.
    const reach = this.wholeTimeline ? { whole_timeline: true } : { native: true };
    const asking = this.ask({ title: this.title, session, ...reach }, token)
      .then((grant) => {
        if (this.token === token) {
          this.current = grant;
          this.place.keep(token, grant.session);
          this.onrenewed(grant);
        }
        return grant;
      })
      .finally(() => {
        if (this.asking === asking) this.asking = null;
      });
    this.asking = asking;
    return asking;
  }

  /** Is what we hold good for a while? */
  fresh() {
    return this.current !== null && this.left() > this.margin();
  }

  /** Milliseconds until the current one ends. */
  left() {
    return this.current ? Date.parse(this.current.expires_at) - this.now() : 0;
  }

  /**
   * One that ends with the rent is short; renewing it would give the same end, so that the margin
   * must not keep us asking without pause.
   */
  margin() {
    if (!this.current) return 0;
    const life = Date.parse(this.current.expires_at) - Date.parse(this.current.now);
    return Math.min(MARGIN_MS, life / 3);
  }

  /**
   * The newest, renewed first when it is about to end. A renewal that fails for want of a network
   * leaves the old one; one that is refused is told to `onrefused`.
   *
   * @returns {Promise<Grant | null>}
   */
  ready() {
    return this.fresh() ? Promise.resolve(this.current) : this.confirm();
  }

  /** As `ready`, whatever is left: may we still play? @returns {Promise<Grant | null>} */
  async confirm() {
    try {
      return await this.renew();
    } catch (problem) {
      if (!(/** @type {any} */ (problem).away)) this.onrefused(problem);
      return this.current;
    }
  }
}

/**
 * Puts the newest grant into a media URL: `/m/<grant>/…`.
 *
 * @param {string} url @param {string} grant
 */
export function withGrant(url, grant) {
  return url.replace(/(\/m\/)[^/]+(?=\/)/, (_, start) => start + grant);
}
