// @ts-check
// hls.js: all of the film on one timeline, whatever of it is open, and however much of it is made yet.

/** @import { Grant } from "../types.js" */
/** @import { Engine, Parts } from "./engine.js" */

import Hls from "hls.js";

import { Gate, gatedLoader } from "./loader.js";

/**
 * @param {Parts} parts
 * @returns {Engine}
 */
export function hlsEngine({ video, grants, growth, sounds, languages, duration, onfault }) {
  const gate = new Gate(grants);
  /** @type {Hls | null} */
  let hls = null;
  let mended = 0;
  /** @type {MediaSource | undefined} */
  let source;
  /** Qualities that the film had when it was opened. */
  let variants = 0;

  /** @param {number} at */
  const make = (at) => {
    const [heard, shown] = [languages.get("sound"), languages.get("captions")];
    const made = new Hls({
      loader: gatedLoader(Hls.DefaultConfig.loader, gate),
      startPosition: at,
      audioPreference: heard ? { lang: heard } : undefined,
      subtitlePreference: shown ? { lang: shown } : undefined,
      // Segments are fragmented MP4 already: a worker would only cost a start.
      enableWorker: false,
      maxBufferLength: 20,
      // Nobody pays their phone company for what they may not watch.
      maxMaxBufferLength: 60,
      backBufferLength: 60,
      capLevelToPlayerSize: true,
    });
    made.on(Hls.Events.ERROR, (_, error) => {
      if (!error.fatal) return;
      if (error.type === Hls.ErrorTypes.MEDIA_ERROR && mended++ < 2) made.recoverMediaError();
      else onfault(error.type === Hls.ErrorTypes.NETWORK_ERROR ? "network" : "media");
    });
    made.on(Hls.Events.MEDIA_ATTACHED, (_, { mediaSource }) => {
      source = mediaSource;
      if (growth.growing) lengthen(source, duration);
    });
    made.on(Hls.Events.MANIFEST_LOADED, (_, { levels }) => (variants = levels.length));
    made.on(Hls.Events.AUDIO_TRACKS_UPDATED, (_, { audioTracks }) =>
      sounds.list(audioTracks, made.audioTrack),
    );
    made.on(Hls.Events.AUDIO_TRACK_SWITCHING, (_, { id }) => sounds.hear(id));
    made.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
      if (details.live) lengthen(source, duration);
      growth.reaches(details.edge, !details.live);
    });
    sounds.onchoose = (index, language) => {
      made.audioTrack = index;
      languages.set("sound", language);
    };
    return made;
  };

  return {
    start(grant, at) {
      gate.end = grant.full ? Infinity : (grant.preview_s ?? Infinity);
      hls?.destroy();
      hls = make(at > 0 ? at : -1);
      hls.loadSource(grant.master_url);
      hls.attachMedia(video);
    },
    open() {
      gate.open();
    },
    widen(end) {
      gate.open(end);
    },
    close(end) {
      gate.end = end;
    },
    offer(count) {
      if (!hls || count <= variants || !grants.current) return;
      hls = replaced(hls, make(video.currentTime), grants.current.master_url);
    },
    retry() {
      hls?.startLoad();
    },
  };
}

/**
 * hls.js reads the list of qualities once. Another one takes over picture, sound and what is buffered, so that
 * nothing is seen of it.
 *
 * @param {Hls} before @param {Hls} after @param {string} url
 */
function replaced(before, after, url) {
  const { media } = before;
  const own = before.subtitleTracks.map(({ trackNode }) => trackNode);
  const attached = before.transferMedia();
  before.destroy();
  // Its successor lists the captions anew.
  for (const node of own) node?.remove();
  after.loadSource(url);
  if (attached) after.attachMedia(attached);
  else if (media) after.attachMedia(media);
  return after;
}

/**
 * While a film grows its playlists say how much is there; the timeline shows all of it.
 *
 * @param {MediaSource | undefined} source @param {number | null} duration
 */
function lengthen(source, duration) {
  if (source?.readyState !== "open" || duration === null || source.duration >= duration) return;
  // It can't be changed while something is appended; the next look at the playlist comes soon.
  if ([...source.sourceBuffers].some(({ updating }) => updating)) return;
  // hls.js never shortens what it finds.
  source.duration = duration;
}
