// @ts-check
// Captions are off until the viewer wants them, and then on in that language, film after film. Which
// ones there are, and their button, is media-chrome's; fetching them the engine's.

/** @import { Languages } from "./languages.js" */

import { inLanguage } from "./languages.js";

/** What media-chrome's menu and keys ask the player for. */
const WISHES = [
  "mediashowsubtitlesrequest",
  "mediadisablesubtitlesrequest",
  "mediatogglesubtitlesrequest",
];

/**
 * @param {HTMLElement} player @param {HTMLVideoElement} video @param {Languages} languages
 * @param {boolean} choose show them here, for an engine that does not look at `languages` itself
 */
export function rememberCaptions(player, video, languages, choose) {
  const tracks = () =>
    [...video.textTracks].filter(({ kind }) => kind === "subtitles" || kind === "captions");
  const shown = () => tracks().find(({ mode }) => mode === "showing");

  for (const wish of WISHES) {
    player.addEventListener(wish, () =>
      // Once media-chrome has done it.
      queueMicrotask(() => languages.set("captions", shown()?.language || null)),
    );
  }
  if (!choose) return;
  video.textTracks.addEventListener("addtrack", () => {
    const wanted = languages.get("captions");
    if (wanted === null || shown()) return;
    const track = inLanguage(tracks(), wanted);
    if (track) track.mode = "showing";
  });
}
