// @ts-check
// What lies beside the film: the names of its parts, and small pictures for the bubble over the
// timeline. Both are read under the grant; the pictures' addresses follow every newer one.

/** @import { Grant, Title } from "../types.js" */
/** @import { Cue } from "./vtt.js" */

import { withGrant } from "./grants.js";
import { parseCues } from "./vtt.js";

export class Beside {
  /**
   * @param {HTMLVideoElement} video @param {Title} title
   * @param {(file: string) => Promise<{ text: string, url: string }>} read under the newest grant
   */
  constructor(video, title, read) {
    this.video = video;
    this.title = title;
    this.read = read;
    /** media-chrome's name for them. */
    this.pictures = new Track(video, "metadata", "thumbnails");
    this.chapters = new Track(video, "chapters", "Chapters");
  }

  /** What this grant opens. The pictures show all of the film, so the gate keeps them for its owner. */
  show(/** @type {Grant} */ grant) {
    if (this.title.chapters) void this.fill(this.chapters, "chapters.vtt", (text) => text);
    if (!grant.full) this.pictures.empty();
    else if (this.title.storyboard)
      void this.fill(this.pictures, "storyboard.vtt", (sheet, url) => new URL(sheet, url).href);
  }

  /** The film became whole: more may lie beside it now. @param {Title} title @param {Grant} grant */
  grown(title, grant) {
    this.title = title;
    this.show(grant);
  }

  /** @param {Grant} grant */
  renewed(grant) {
    if (!grant.full) return;
    this.pictures.change((url) => withGrant(url, grant.grant));
  }

  /** @param {Track} track @param {string} file @param {(text: string, url: string) => string} shown */
  async fill(track, file, shown) {
    if (track.filled) return;
    track.filled = true;
    try {
      const { text, url } = await this.read(file);
      const cues = parseCues(text).map((cue) => ({ ...cue, text: shown(cue.text, url) }));
      // It may have been closed meanwhile.
      if (track.filled) track.put(cues);
    } catch {
      // The film plays without it; the next grant tries again.
      track.filled = false;
    }
  }
}

/** A text track that no viewer reads: media-chrome does. */
class Track {
  /** @param {HTMLVideoElement} video @param {TextTrackKind} kind @param {string} label */
  constructor(video, kind, label) {
    this.video = video;
    this.kind = kind;
    this.label = label;
    this.filled = false;
    /** Made with its first cue: one without cues would look like chapters. @type {TextTrack | null} */
    this.track = null;
  }

  /** @param {Cue[]} cues */
  put(cues) {
    this.clear();
    this.track ??= this.video.addTextTrack(this.kind, this.label);
    for (const { start, end, text } of cues) this.track.addCue(new VTTCue(start, end, text));
    // Its cues are only there while it is not disabled; a change of its mode has them read anew.
    this.track.mode = "disabled";
    this.track.mode = "hidden";
  }

  /** @param {(text: string) => string} how */
  change(how) {
    for (const cue of this.track?.cues ?? []) {
      const words = /** @type {VTTCue} */ (cue);
      words.text = how(words.text);
    }
  }

  empty() {
    this.filled = false;
    this.clear();
  }

  clear() {
    for (const cue of [...(this.track?.cues ?? [])]) this.track?.removeCue(cue);
  }
}
