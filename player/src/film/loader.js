// @ts-check
// How the engine fetches: every media request carries the newest grant, and segments that start where
// the free part ends are parked, not asked for, until they are open. So the timeline shows the whole
// film, nothing fails, and after payment the very request that waited goes out.

/** @import { Grant } from "../types.js" */
/** @import { Grants } from "./grants.js" */

import { withGrant } from "./grants.js";

/** While parked, the engine's clock of the request is held here: see `Gate.hold`. */
const HOLD_MS = 50;
/** Other devices have all places. */
export const ELSEWHERE = "too-many-sessions";

/** Which requests may go out, and which wait. */
export class Gate {
  /** @param {Grants} grants */
  constructor(grants) {
    this.grants = grants;
    /** Where the free part ends, in seconds; infinite once all is open. */
    this.end = Infinity;
    /** @type {Set<{ go: () => void, stats: any, context: any }>} */
    this.parked = new Set();
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
  }

  /**
   * By the segment's middle: sound is cut near, not at, where the picture is, so that a sound segment
   * may begin a little before the free part ends and still belong to what follows.
   *
   * @param {{ frag?: { start: number, duration: number, sn: number | "initSegment" } }} context
   */
  mustWait(context) {
    const { frag } = context;
    return (
      frag !== undefined && frag.sn !== "initSegment" && frag.start + frag.duration / 2 >= this.end
    );
  }

  /** @param {{ go: () => void, stats: any, context: any }} request */
  park(request) {
    this.parked.add(request);
    this.timer ??= setInterval(() => this.hold(), HOLD_MS);
    this.hold();
  }

  /** @param {{ go: () => void, stats: any, context: any }} request */
  drop(request) {
    this.parked.delete(request);
    if (this.parked.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  /**
   * A parked request must not look slow: hls.js would take it for a bad network and give up on its
   * quality.
   */
  hold() {
    for (const { stats } of this.parked) stats.loading.start = performance.now();
  }

  /** More is open, or all: what waited for it goes out. @param {number} [end] */
  open(end = Infinity) {
    this.end = end;
    for (const request of [...this.parked]) {
      if (this.mustWait(request.context)) continue;
      this.drop(request);
      request.go();
    }
  }
}

/**
 * @param {any} Base hls.js's own loader
 * @param {Gate} gate
 * @returns {any} a loader class for hls.js
 */
export function gatedLoader(Base, gate) {
  return class GatedLoader extends Base {
    /** @param {any} context @param {any} config @param {any} callbacks */
    load(context, config, callbacks) {
      if (gate.mustWait(context)) this.wait(context, config, callbacks);
      else this.start(context, config, callbacks);
    }

    /** @param {any} context @param {any} config @param {any} callbacks */
    start(context, config, callbacks) {
      this.waiting = null;
      this.stats.loading.start = 0;
      this.send(context, config, callbacks, 1);
    }

    /** @param {any} context @param {any} config @param {any} callbacks */
    wait(context, config, callbacks) {
      const go = () => this.start(context, config, callbacks);
      this.waiting = { go, stats: this.stats, context, callbacks };
      gate.park(this.waiting);
    }

    /**
     * @param {any} context @param {any} config @param {any} callbacks
     * @param {number} again how often a refused request may be repeated with a newer grant
     */
    send(context, config, callbacks, again) {
      const { grants } = gate;
      /** @param {Grant | null} grant */
      const start = (grant) => {
        if (this.over) return;
        if (grant) context.url = withGrant(context.url, grant.grant);
        super.load(context, config, {
          ...callbacks,
          /** @param {any} error @param {any} failed @param {any} details @param {any} stats */
          onError: (error, failed, details, stats) => {
            if (error.code !== 403 || again === 0) {
              callbacks.onError(error, failed, details, stats);
              return;
            }
            // Ended early: the server restarted with other keys, the rent ran out, or this machine
            // slept. A newer one decides.
            grants
              .renew()
              .then(() => {
                this.stats.loading.start = 0;
                this.send(context, config, callbacks, again - 1);
              })
              .catch((problem) => {
                if (!problem.away) grants.onrefused(problem);
                // It may be taken back: then this very request goes out.
                if (problem.slug === ELSEWHERE && !this.over)
                  return this.wait(context, config, callbacks);
                callbacks.onError(error, failed, details, stats);
              });
          },
        });
      };
      // Without a turn of the event loop when there is nothing to renew: this is the way to the
      // first frame.
      if (grants.fresh()) start(grants.current);
      else void grants.ready().then(start);
    }

    abort() {
      this.over = true;
      if (!this.waiting) return super.abort();
      const { context, callbacks } = this.waiting;
      gate.drop(this.waiting);
      this.waiting = null;
      this.stats.aborted = true;
      callbacks.onAbort?.(this.stats, context, null);
    }

    destroy() {
      this.over = true;
      if (this.waiting) gate.drop(this.waiting);
      this.waiting = null;
      super.destroy();
    }
  };
}

/**
 * A text of the title's, read once under the newest grant.
 *
 * @param {Grants} grants @param {string} file its name
 * @returns {Promise<{ text: string, url: string }>}
 */
export async function read(grants, file) {
  const fetchIt = async (/** @type {Grant | null} */ grant) => {
    const url = new URL(file, new URL(grant?.master_url ?? "", location.href)).href;
    return { url, response: await fetch(url, { referrerPolicy: "no-referrer" }) };
  };
  let { url, response } = await fetchIt(await grants.ready());
  if (response.status === 403) ({ url, response } = await fetchIt(await grants.renew()));
  if (!response.ok) throw new Error(`${file}: ${response.status}`);
  return { text: await response.text(), url };
}
