// @ts-check
// Two ways to play HLS behind one face. hls.js wherever it runs (also where a browser says that it
// could play HLS by itself: Chromium's "maybe" is no promise), the browser's own elsewhere.

/** @import { Grant } from "../types.js" */
/** @import { Grants } from "./grants.js" */

import Hls from "hls.js";

import { ELSEWHERE, Gate, gatedLoader } from "./loader.js";

/** Does the engine play the free start on the whole film's timeline? */
export const wholeTimeline = Hls.isSupported();

/**
 * @typedef {Object} Engine
 * @property {(grant: Grant, at: number) => void} start
 * @property {(grant: Grant) => void} open all of the film, from where it stands
 * @property {(end: number) => void} close the free part only: the rent ran out
 * @property {() => void} retry after a fault
 */

/**
 * @param {HTMLVideoElement} video @param {Grants} grants
 * @param {(fault: "network" | "media") => void} onfault a fault that the engine can't mend
 * @returns {Engine}
 */
export function createEngine(video, grants, onfault) {
  return wholeTimeline ? hlsEngine(video, grants, onfault) : nativeEngine(video, grants, onfault);
}

/**
 * @param {HTMLVideoElement} video
 * @param {Grants} grants
 * @param {(fault: "network" | "media") => void} onfault
 * @returns {Engine}
 */
function hlsEngine(video, grants, onfault) {
  const gate = new Gate(grants);
  /** @type {Hls | null} */
  let hls = null;
  let mended = 0;

  return {
    start(grant, at) {
      gate.end = grant.full ? Infinity : (grant.preview_s ?? Infinity);
      hls?.destroy();
      hls = new Hls({
        loader: gatedLoader(Hls.DefaultConfig.loader, gate),
        startPosition: at > 0 ? at : -1,
        // Segments are fragmented MP4 already: a worker would only cost a start.
        enableWorker: false,
        maxBufferLength: 20,
        // Nobody pays their phone company for what they may not watch.
        maxMaxBufferLength: 60,
        backBufferLength: 60,
        capLevelToPlayerSize: true,
      });
      hls.on(Hls.Events.ERROR, (_, error) => {
        if (!error.fatal) return;
        if (error.type === Hls.ErrorTypes.MEDIA_ERROR && mended++ < 2) hls?.recoverMediaError();
        else onfault(error.type === Hls.ErrorTypes.NETWORK_ERROR ? "network" : "media");
      });
      hls.loadSource(grant.master_url);
      hls.attachMedia(video);
    },
    open() {
      gate.open();
    },
    close(end) {
      gate.end = end;
    },
    retry() {
      hls?.startLoad();
    },
  };
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
    close: () => {},
    retry: () => void mend().catch(() => onfault("network")),
  };
}
