// @ts-check
// A film that is still being made: how much of it is there, and what the viewer is told where it ends.
// The engine says how far it reaches; fetching more is the engine's.

/** From the end of what is there: near enough to see it, far enough to play at once. */
const BEFORE_S = 1;
/** The film's end, and the end of its last segment. */
const SAME_S = 0.5;
export const STILL_MAKING = "The rest is still being prepared.";

export class Growth {
  /**
   * @param {HTMLVideoElement} video
   * @param {(words: string) => void} say quietly; "" takes it back
   */
  constructor(video, say) {
    this.video = video;
    this.say = say;
    /** Where the film ends so far; infinite once it is whole. */
    this.edge = Infinity;
    /** It reaches further, or is whole. @type {() => void} */
    this.ongrown = () => {};
    video.addEventListener("seeking", () => this.hold());
    video.addEventListener("waiting", () => this.look());
    video.addEventListener("pause", () => this.say(""));
    // Not at "playing": the last frames come one by one, and words that come and go with them cannot be read.
    video.addEventListener("timeupdate", () => {
      if (!this.atEdge(3)) this.say("");
    });
  }

  get growing() {
    return this.edge !== Infinity;
  }

  /** @param {number} edge seconds @param {boolean} whole */
  reaches(edge, whole) {
    const before = this.edge;
    this.edge = whole ? Infinity : edge;
    if (whole) this.say("");
    if (this.edge !== before) this.ongrown();
  }

  /** Somebody drags the timeline to what is not there yet. */
  hold() {
    if (this.video.currentTime <= this.edge - SAME_S) return;
    this.video.currentTime = Math.max(0, this.edge - BEFORE_S);
    this.say(STILL_MAKING);
  }

  look() {
    if (this.atEdge(BEFORE_S)) this.say(STILL_MAKING);
  }

  /** @param {number} near */
  atEdge(near) {
    return this.video.currentTime >= this.edge - near;
  }
}
