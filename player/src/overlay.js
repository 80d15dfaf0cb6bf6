// @ts-check
// A channel's tips over its picture, as a browser source of OBS: one after another, and the goal's bar.

/** @import { Board } from "./types.js" */

import { byId } from "./dom.js";
import { Alerts } from "./overlay/alerts.js";
import { showAlert, showGoal } from "./overlay/show.js";

/** The browser itself opens a stream again that broke; not one that was answered with an error. */
const REOPEN_MS = 15_000;

const alerts = new Alerts(
  (tip) => showAlert(byId("alert"), tip),
  (then, ms) => setTimeout(then, ms),
);

function follow() {
  const source = new EventSource(`${location.pathname}/events`);
  source.addEventListener("board", (event) => {
    /** @type {Board} */
    const board = JSON.parse(event.data);
    showGoal(byId("goal"), board.goal);
    alerts.take(board.tips);
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    // The address may be one that the studio has replaced: nothing is left standing over the picture.
    showGoal(byId("goal"), null);
    setTimeout(follow, REOPEN_MS);
  });
}
follow();
