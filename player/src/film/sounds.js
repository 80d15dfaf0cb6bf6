// @ts-check
// The film's sound tracks as a browser with `audioTracks` would list them, so that media-chrome's menu
// works with what the engine found. One track is no choice, and not listed.

/** @typedef {{ name: string, lang?: string }} Sound as the engine names it */

export class Sounds extends EventTarget {
  constructor() {
    super();
    /** @type {SoundTrack[]} */
    this.tracks = [];
    this.chosen = -1;
    /** The viewer's choice. @type {(index: number, language: string) => void} */
    this.onchoose = () => {};
  }

  /** @param {Sound[]} sounds @param {number} chosen */
  list(sounds, chosen) {
    const choice = sounds.length > 1 ? sounds : [];
    this.chosen = chosen;
    this.tracks = choice.map((sound, index) => new SoundTrack(this, sound, index));
    this.dispatchEvent(new Event("addtrack"));
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} index what is heard now */
  hear(index) {
    if (index === this.chosen) return;
    this.chosen = index;
    this.dispatchEvent(new Event("change"));
  }

  [Symbol.iterator]() {
    return this.tracks[Symbol.iterator]();
  }
}

class SoundTrack {
  /** @param {Sounds} sounds @param {Sound} sound @param {number} index */
  constructor(sounds, { name, lang }, index) {
    this.sounds = sounds;
    this.index = index;
    this.id = String(index);
    this.kind = "main";
    this.label = name;
    this.language = lang ?? "";
  }

  get enabled() {
    return this.sounds.chosen === this.index;
  }

  set enabled(wanted) {
    if (!wanted || this.enabled) return;
    this.sounds.hear(this.index);
    this.sounds.onchoose(this.index, this.language);
  }

  /** media-chrome compares lists by what they say. */
  toJSON() {
    const { id, kind, label, language } = this;
    return { id, kind, label, language };
  }
}
