// @ts-check
// Sizes, speeds, times and offers as a creator reads them.

/** @import { Sale, Tier } from "./types.js" */

import { number, sats } from "../words.js";

const THIN = "\u202f";
const UNITS = ["B", "KB", "MB", "GB", "TB"];

export const AWAY = "The cinema does not answer. Nothing was changed; try again in a moment.";

/** A problem's detail, without the field that it stands beside. @param {string} detail */
export function sentence(detail) {
  const words = detail.replace(/^[a-z_]+: /, "");
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
}

/** `1536` → "1.5 KB". @param {number} bytes */
export function size(bytes) {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)}${THIN}${UNITS[unit]}`;
}

/** `75` → "2 min". @param {number} seconds */
export function wait(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${Math.max(1, Math.ceil(seconds))}${THIN}s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes}${THIN}min` : `${Math.round(minutes / 60)}${THIN}h`;
}

/** `4000` → "1:06:40". @param {number} seconds */
export function length(seconds) {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return hours > 0 ? `${hours}:${parts.map(two).join(":")}` : `${parts[0]}:${two(parts[1] ?? 0)}`;
}

/** What a title is sold for, in one line. @param {Tier[] | null} tiers @param {Tier[]} usual */
export function offers(tiers, usual) {
  const sold = (tiers ?? usual).filter((tier) => tier.tier === "rent" || tier.tier === "own");
  if (tiers !== null && tiers.length === 0) return "Free";
  if (sold.length === 0) return "By the site's pass only";
  return sold
    .map((tier) =>
      tier.tier === "rent" ? `${tier.hours} h ${sats(tier.sat)}` : `own ${sats(tier.sat)}`,
    )
    .join(" · ");
}

/** What somebody bought. @param {Sale} sale */
export function bought(sale) {
  if (sale.tier === "pass") {
    if (!sale.tag) return "Pass for all films";
    return sale.name ? `Pass for films tagged ${sale.name}` : "Pass for a collection";
  }
  const name = sale.name ?? "A film that was taken down";
  return sale.tier === "own" ? `${name}, to own` : `${name}, ${sale.hours} h`;
}

/** `1` → "1 sale". @param {number} count @param {string} one @param {string} [many] */
export function count(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** When it was, short: the time today, the day before. @param {string} moment @param {number} now */
export function when(moment, now) {
  const at = new Date(moment);
  const sameDay = at.toDateString() === new Date(now).toDateString();
  return sameDay
    ? at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
    : at.toLocaleDateString(undefined, { day: "numeric", month: "short" });
}
