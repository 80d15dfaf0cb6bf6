// @ts-check
// Amounts and times as people read them.

const THIN = "\u202f";

/** `3000` → "3,000 sat" with a thin no-break space. @param {number} sat */
export function sats(sat) {
  return `${number(sat)}${THIN}sat`;
}

/** `3000` → "3,000". @param {number} value */
export function number(value) {
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** What came and what is missing. @param {number} received @param {number} amount */
export function missing(received, amount) {
  const rest = amount - received;
  return `${sats(received)} arrived, ${number(rest)} ${rest === 1 ? "is" : "are"} missing.`;
}

/** A payment on chain, in full. */
export const SEEN = "Payment seen. It opens with the first confirmation, you may close this page.";
export const SEEN_TIP = "Payment seen. Thank you. You may close this page.";

/**
 * How long something is still yours: "12 h left". Exact to the minute where it matters, a rounded
 * hour or day before that.
 *
 * @param {string | null} expiresAt @param {number} now milliseconds
 */
export function remaining(expiresAt, now) {
  if (expiresAt === null) return "Yours";
  const minutes = (Date.parse(expiresAt) - now) / 60_000;
  if (minutes <= 0) return "Ran out";
  if (minutes < 120) return `${Math.ceil(minutes)} min left`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h left` : `${Math.round(hours / 24)} days left`;
}

/** What outages have added: `720` → "+12 min for the outage". @param {number} seconds */
export function credit(seconds) {
  const time = seconds < 60 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `+${time} for the outage`;
}

/** What a pass for a tag opens. @param {string | null | undefined} tag unknown once it is no longer sold */
export function collection(tag) {
  return tag ? `All films tagged ${tag}` : "A collection of films";
}

/** What ran out: `24` → "24 hours", `720` → "30 days". @param {number | null} hours */
export function span(hours) {
  if (hours === null) return "time";
  if (hours === 1) return "hour";
  return hours >= 48 && hours % 24 === 0 ? `${hours / 24} days` : `${hours} hours`;
}

/** `95` → "1:35". @param {number} seconds */
export function countdown(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
