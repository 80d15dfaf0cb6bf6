// @ts-check
// The server's time. A viewer's clock may be wrong by hours, and what somebody rented must neither
// end early nor seem to last longer because of that; every answer that carries `now` corrects us.

/** Milliseconds to add to this machine's clock. */
let offset = 0;

/** @param {string} serverNow RFC 3339 */
export function correct(serverNow) {
  const moment = Date.parse(serverNow);
  // Whole seconds in the answer: less than two seconds apart is no difference.
  if (Number.isFinite(moment) && Math.abs(moment - Date.now()) > 2000) offset = moment - Date.now();
  else offset = 0;
}

/** Milliseconds since 1970. */
export function now() {
  return Date.now() + offset;
}
