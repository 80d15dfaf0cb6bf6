// @ts-check
// Where the free part ends: holds the picture just before it, and says so.

/** Far enough before the end that the engine never starves, near enough that nobody sees it. */
const BEFORE_S = 0.12;

export class PreviewEdge {
  /** @param {HTMLVideoElement} video @param {() => void} reached */
  constructor(video, reached) {
    this.video = video;
    this.reached = reached;
    this.end = Infinity;
    this.frame = 0;
    video.addEventListener("playing", () => this.follow());
    // Where nothing is free, nothing ever plays.
    video.addEventListener("play", () => this.check());
    video.addEventListener("timeupdate", () => this.check());
    // In a hidden page no frames are drawn; the engine then runs dry at the edge itself.
    video.addEventListener("waiting", () => this.check(0.6));
    video.addEventListener("ended", () => this.check(0.6));
    video.addEventListener("seeking", () => this.hold());
  }

  /** @param {number} end in seconds; infinite when all is open */
  set(end) {
    this.end = end;
  }

  follow() {
    cancelAnimationFrame(this.frame);
    this.check();
    if (this.video.paused || this.end === Infinity) return;
    this.frame = requestAnimationFrame(() => this.follow());
  }

  /** @param {number} [slack] */
  check(slack = BEFORE_S) {
    if (this.video.paused && !this.video.ended) return;
    if (this.video.currentTime < this.end - slack) return;
    this.video.pause();
    this.reached();
  }

  /** Somebody drags the timeline into the part that is not open: to its edge, and the offer. */
  hold() {
    const edge = this.end - BEFORE_S;
    if (this.video.currentTime <= edge + 0.001) return;
    this.video.currentTime = edge;
    this.video.pause();
    this.reached();
  }
}
