// @ts-check
// Learns how an order stands: by an event stream, and by a look whenever the page comes back, since
// a phone may have cut the stream while the wallet was in front.

/** @import { OrderState } from "../types.js" */

import * as api from "../api.js";

/**
 * @param {string} order
 * @param {(state: OrderState) => void} tell
 * @returns {() => void} stops watching
 */
export function watchOrder(order, tell) {
  const source = new EventSource(api.eventsUrl(order));
  source.addEventListener("state", (event) => {
    tell(JSON.parse(/** @type {MessageEvent} */ (event).data));
  });

  const look = () => {
    if (document.visibilityState !== "visible") return;
    // A look that fails is no news; the stream reconnects by itself.
    api.orderState(order).then(tell, () => {});
  };
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pageshow", look);
  window.addEventListener("online", look);
  return () => {
    source.close();
    document.removeEventListener("visibilitychange", look);
    window.removeEventListener("pageshow", look);
    window.removeEventListener("online", look);
  };
}
