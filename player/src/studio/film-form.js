// @ts-check
// What stands in a film's form, without DOM: from a title to texts, and from texts to what changed.

/** @import { StudioTitle, Tier } from "./types.js" */

/**
 * @typedef {{ name: string, description: string, year: string, tags: string, selling: "usual" | "own" | "free", rent_sat: string, rent_hours: string, own_sat: string, preview_s: string }} Texts
 */

/** @param {StudioTitle} title @param {Tier[]} usual @returns {Texts} */
export function textsOf(title, usual) {
  const tiers = title.tiers && title.tiers.length > 0 ? title.tiers : usual;
  const rent = tiers.find((tier) => tier.tier === "rent");
  const own = tiers.find((tier) => tier.tier === "own");
  return {
    name: title.name,
    description: title.description,
    year: title.year === null ? "" : String(title.year),
    tags: title.tags.join(", "),
    selling: title.tiers === null ? "usual" : title.tiers.length === 0 ? "free" : "own",
    rent_sat: rent ? String(rent.sat) : "",
    rent_hours: String(rent?.hours ?? 24),
    own_sat: own ? String(own.sat) : "",
    preview_s: String(title.preview_s),
  };
}

/** A whole number, or what is wrong with it. @param {string} text */
function whole(text) {
  const trimmed = text.trim().replace(/[,_\s]/g, "");
  return /^\d{1,12}$/.test(trimmed) ? Number(trimmed) : null;
}

/**
 * The keys that changed, or what is wrong and where.
 *
 * @param {Texts} before @param {Texts} after
 * @returns {{ changes: Record<string, unknown>, wrong: { field: string, what: string } | null }}
 */
export function changesOf(before, after) {
  /** @type {Record<string, unknown>} */
  const changes = {};
  /** @param {string} field @param {string} what */
  const wrong = (field, what) => ({ changes: {}, wrong: { field, what } });
  if (after.name.trim() === "") return wrong("name", "A film needs a name.");
  if (after.name !== before.name) changes.name = after.name.trim();
  if (after.description !== before.description) changes.description = after.description.trim();
  if (after.year.trim() !== before.year) {
    const year = after.year.trim() === "" ? null : whole(after.year);
    if (year === null && after.year.trim() !== "")
      return wrong("year", "Write a year, such as 1962.");
    changes.year = year;
  }
  if (after.tags !== before.tags) {
    changes.tags = after.tags
      .split(",")
      .map((tag) => tag.trim())
      .filter(Boolean);
  }
  if (after.preview_s !== before.preview_s) {
    const seconds = whole(after.preview_s);
    if (seconds === null) return wrong("preview_s", "Write whole seconds, or 0 for none.");
    changes.preview_s = seconds;
  }
  const selling = tiersOf(after);
  if ("what" in selling) return wrong("tiers", selling.what);
  const was = tiersOf(before);
  if ("what" in was || JSON.stringify(was.tiers) !== JSON.stringify(selling.tiers)) {
    changes.tiers = selling.tiers;
  }
  return { changes, wrong: null };
}

/** @param {Texts} texts @returns {{ tiers: Tier[] | null } | { what: string }} */
function tiersOf(texts) {
  if (texts.selling === "usual") return { tiers: null };
  if (texts.selling === "free") return { tiers: [] };
  /** @type {Tier[]} */
  const tiers = [];
  if (texts.rent_sat.trim() !== "") {
    const [sat, hours] = [whole(texts.rent_sat), whole(texts.rent_hours)];
    if (!sat) return { what: "Write the rent's price in whole sat, or leave it empty." };
    if (!hours || hours > 8760) return { what: "A rent lasts 1 to 8,760 hours." };
    tiers.push({ tier: "rent", sat, hours });
  }
  if (texts.own_sat.trim() !== "") {
    const sat = whole(texts.own_sat);
    if (!sat) return { what: "Write the price to own in whole sat, or leave it empty." };
    tiers.push({ tier: "own", sat });
  }
  if (tiers.length === 0) return { what: "Write at least one price, or choose “Free”." };
  return { tiers };
}
