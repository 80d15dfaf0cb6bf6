// @ts-check
// Two ways to play HLS behind one face. hls.js wherever it runs (also where a browser says that it
// could play HLS by itself: Chromium's "maybe" is no promise), the browser's own elsewhere.

/** @import { Grant } from "../types.js" */
/** @import { Grants } from "./grants.js" */
/** @import { Growth } from "./growth.js" */
/** @import { Languages } from "./languages.js" */
/** @import { Sounds } from "./sounds.js" */

import Hls from "hls.js";

import { hlsEngine } from "./hls-engine.js";
import { ELSEWHERE } from "./loader.js";

/** Does the engine play the free start on the whole film's timeline? */
export const wholeTimeline = Hls.isSupported();

/**
 * @typedef {Object} Engine
 * @property {(grant: Grant, at: number) => void} start
 * @property {(grant: Grant) => void} open all of the film, from where it stands
 * @property {(end: number) => void} widen the free part: more of it has been made
 * @property {(end: number) => void} close the free part only: the rent ran out
 * @property {(variants: number) => void} offer so many qualities: take in the new ones, if there are any
 * @property {() => void} retry after a fault
 */

/**
 * @typedef {Object} Parts what an engine works with
 * @property {HTMLVideoElement} video
 * @property {Grants} grants
 * @property {Growth} growth told how far the film reaches
 * @property {Sounds} sounds told which sound tracks there are
 * @property {Languages} languages
 * @property {number | null} duration of the whole film, in seconds
 * @property {(fault: "network" | "media") => void} onfault a fault that the engine can't mend
 */

/** @param {Parts} parts @returns {Engine} */
export function createEngine(parts) {
  return wholeTimeline ? hlsEngine(parts) : nativeEngine(parts.video, parts.grants, parts.onfault);
}

/** A browser's own player asks with what its first URL held: a newer one mends what ended meanwhile. */
const MEND_AGAIN_MS = 30_000;

/**
 * @param {HTMLVideoElement} video
 * @param {Grants} grants
 * @param {(fault: "network" | "media") => void} onfault
 * @returns {Engine}
 */
function nativeEngine(video, grants, onfault) {
  let mended = -Infinity;
  /** @param {Grant} grant @param {number} at */
  const load = (grant, at) => {
    video.src = grant.master_url;
    if (at > 0) {
      video.addEventListener("loadedmetadata", () => (video.currentTime = at), { once: true });
    }
  };
  const mend = async () => {
    const at = video.currentTime;
    const grant = await grants.renew().catch((problem) => {
      if (problem.slug === ELSEWHERE) grants.onrefused(problem);
      throw problem;
    });
    load(grant, at);
    await video.play();
  };
  video.addEventListener("error", () => {
    const fault = video.error?.code === MediaError.MEDIA_ERR_DECODE ? "media" : "network";
    if (performance.now() - mended < MEND_AGAIN_MS || !grants.current) return onfault(fault);
    mended = performance.now();
    mend().catch((problem) => {
      if (problem.slug !== ELSEWHERE) onfault(fault);
    });
  });
  return {
    start: load,
    // The playlist that ended with the preview cannot grow: another one, from the same place.
    open: (grant) => load(grant, video.currentTime),
    widen: () => {},
    close: () => {},
    offer: () => {},
    retry: () => void mend().catch(() => onfault("network")),
  };
}
