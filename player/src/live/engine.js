// @ts-check
// Plays a broadcast at its live edge. Whatever stops it (the publisher's uplink, a server that is
// replaced by another) passes: no request is given up, and the picture goes on where the edge is then.

/** @import { Grant } from "../types.js" */
/** @import { Grants } from "../film/grants.js" */

import Hls from "hls.js";

import { Gate, gatedLoader } from "../film/loader.js";

/** Can this browser play at the edge? Others play by themselves, some seconds behind. */
export const lowLatency = Hls.isSupported();

/** So long until a request that failed is made again, at first and at the most. */
const AGAIN_MS = 300;
const AGAIN_MOST_MS = 2000;
/** A broadcast may be away for its whole grace time. */
const TRIES = 100_000;
/** A request that waits for the next part is answered within three target durations. */
const ANSWER_MS = 30_000;

/** Requests that are never given up. */
const patient = () => ({
  default: {
    maxTimeToFirstByteMs: ANSWER_MS,
    maxLoadTimeMs: ANSWER_MS * 2,
    timeoutRetry: { maxNumRetry: TRIES, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: TRIES, retryDelayMs: AGAIN_MS, maxRetryDelayMs: AGAIN_MOST_MS },
  },
});

/** @typedef {{ start: (grant: Grant) => void, stop: () => void }} LiveEngine */

/**
 * @param {HTMLVideoElement} video @param {Grants} grants
 * @returns {LiveEngine}
 */
export function createLiveEngine(video, grants) {
  return lowLatency ? hlsEngine(video, grants) : nativeEngine(video, grants);
}

/** @param {HTMLVideoElement} video @param {Grants} grants @returns {LiveEngine} */
function hlsEngine(video, grants) {
  const gate = new Gate(grants);
  /** @type {Hls | null} */
  let hls = null;
  return {
    start(grant) {
      hls?.destroy();
      const engine = (hls = new Hls({
        loader: gatedLoader(Hls.DefaultConfig.loader, gate),
        lowLatencyMode: true,
        // Behind after a stall: a little faster until the edge is reached again.
        maxLiveSyncPlaybackRate: 1.2,
        enableWorker: false,
        backBufferLength: 30,
        manifestLoadPolicy: patient(),
        playlistLoadPolicy: patient(),
        fragLoadPolicy: patient(),
      }));
      engine.on(Hls.Events.ERROR, (_, error) => {
        if (!error.fatal || engine !== hls) return;
        if (error.type === Hls.ErrorTypes.MEDIA_ERROR) engine.recoverMediaError();
        else setTimeout(() => engine === hls && this.start(grants.current ?? grant), AGAIN_MOST_MS);
      });
      engine.loadSource(grant.master_url);
      engine.attachMedia(video);
    },
    stop() {
      hls?.stopLoad();
    },
  };
}

/** @param {HTMLVideoElement} video @param {Grants} grants @returns {LiveEngine} */
function nativeEngine(video, grants) {
  let wanted = false;
  /** @param {Grant} grant */
  const start = (grant) => {
    wanted = true;
    video.src = grant.master_url;
  };
  video.addEventListener("error", () => {
    if (!wanted) return;
    setTimeout(() => {
      if (!wanted) return;
      void grants.confirm().then((grant) => {
        if (!grant || !wanted) return;
        start(grant);
        video.play().catch(() => {});
      });
    }, AGAIN_MOST_MS);
  });
  return {
    start,
    stop() {
      wanted = false;
      video.removeAttribute("src");
      video.load();
    },
  };
}
