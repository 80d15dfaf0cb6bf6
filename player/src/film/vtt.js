// @ts-check
// WebVTT as far as chapters and storyboards need it: times and texts. Captions are the engine's own.

/** @typedef {{ start: number, end: number, text: string }} Cue seconds */

const TIME = String.raw`(?:(\d+):)?(\d\d):(\d\d\.\d{3})`;
const TIMES = new RegExp(`^${TIME}[ \t]+-->[ \t]+${TIME}`);
/** Whatever a file says, a page stays quick. */
const MOST = 2000;

/** @param {string} text @returns {Cue[]} */
export function parseCues(text) {
  const cues = [];
  for (const block of text.replaceAll("\r\n", "\n").split(/\n{2,}/)) {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => TIMES.test(line));
    const times = lines[at]?.match(TIMES);
    if (!times || cues.length === MOST) continue;
    const [start, end] = [seconds(times.slice(1, 4)), seconds(times.slice(4, 7))];
    if (end > start)
      cues.push({
        start,
        end,
        text: lines
          .slice(at + 1)
          .join("\n")
          .trim(),
      });
  }
  return cues;
}

/** @param {string[]} parts hours, minutes, seconds */
function seconds([hours, minutes, rest]) {
  return Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(rest);
}
