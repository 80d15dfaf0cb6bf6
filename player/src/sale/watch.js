// @ts-check
// Learns how an order stands: by an event stream, and by a look whenever the page comes back, since
// a phone may have cut the stream while the wallet was in front.

/** @import { OrderState } from "../types.js" */

import * as api from "../api.js";

/** The browser itself opens a stream again that broke; not one that was answered with an error. */
const REOPEN_MS = 3000;

/**
 * @param {string} order
 * @param {(state: OrderState) => void} tell
 * @returns {() => void} stops watching
 */
export function watchOrder(order, tell) {
  /** @type {EventSource | null} */
  let source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let reopening;

  const open = () => {
    source?.close();
    source = new EventSource(api.eventsUrl(order));
    source.addEventListener("state", (event) => hear(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_MS);
    });
  };
  /** @param {OrderState} state */
  const hear = (state) => {
    // The stream has nothing more to say and ends; left open, it would be opened again for ever.
    if (state.state === "settled" || state.state === "expired") source?.close();
    tell(state);
  };
  const look = () => {
    if (document.visibilityState !== "visible") return;
    // A look that fails is no news; the stream comes back by itself.
    api.orderState(order).then(hear, () => {});
  };
  const moments = /** @type {const} */ ([
    [document, "visibilitychange"],
    [window, "pageshow"],
    [window, "online"],
  ]);
  open();
  for (const [target, name] of moments) target.addEventListener(name, look);
  return () => {
    clearTimeout(reopening);
    source?.close();
    for (const [target, name] of moments) target.removeEventListener(name, look);
  };
}
