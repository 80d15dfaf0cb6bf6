// @ts-check
// News of a channel, as they happen: on air, away for a moment, over.

/** @import { Channel, ShownTip } from "../types.js" */

import { correct } from "../clock.js";

/** The browser itself opens a stream again that broke; not one that was answered with an error. */
const REOPEN_MS = 5000;

/**
 * @param {string} channel @param {(news: Channel) => void} tell
 * @param {(tips: ShownTip[]) => void} tipped where the creator wants them seen
 */
export function watchChannel(channel, tell, tipped) {
  const source = new EventSource(`/api/channels/${encodeURIComponent(channel)}/events`);
  source.addEventListener("channel", (event) => {
    const news = JSON.parse(event.data);
    correct(news.now);
    tell(news);
  });
  source.addEventListener("tips", (event) => tipped(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => watchChannel(channel, tell, tipped), REOPEN_MS);
    }
  });
}
