// @ts-check
// Where the viewer stopped, so that a page that a phone ended goes on where it was.

const PREFIX = "satreel:at:";
/** Nearer to the beginning or to the end is no place to come back to. */
const FROM_START_S = 1;
const FROM_END_S = 5;

/** @param {Storage} store @param {string} id @param {number | null} duration */
export function recall(store, id, duration) {
  try {
    const at = Number(store.getItem(PREFIX + id));
    return at > FROM_START_S && (duration === null || at < duration - FROM_END_S) ? at : 0;
  } catch {
    return 0;
  }
}

/** @param {Storage} store @param {string} id @param {HTMLVideoElement} video */
export function remember(store, id, video) {
  let saved = 0;
  const save = () => {
    if (video.currentTime === saved || video.readyState === 0) return;
    saved = video.currentTime;
    try {
      store.setItem(PREFIX + id, saved.toFixed(2));
    } catch {
      // No storage, no memory of the place.
    }
  };
  video.addEventListener("pause", save);
  video.addEventListener("timeupdate", () => {
    if (Math.abs(video.currentTime - saved) > 5) save();
  });
  window.addEventListener("pagehide", save);
}
