// @ts-check
// What stands in a channel's form, without DOM: from a channel to texts, and back to what changed.

/** @import { StudioChannel, Tier } from "./types.js" */

/**
 * @typedef {{ name: string, description: string, ticket_sat: string, ticket_hours: string, free: boolean, day_sat: string, pass_sat: string, preview_s: string, starts_at: string, record: boolean, publish: boolean, tips_on_page: boolean, goal_sat: string, goal_words: string, goal_since: string }} ChannelTexts
 */

const DAY_HOURS = 24;

/** A moment as the browser's own field writes it, in the creator's time. @param {string | null} at */
function local(at) {
  if (at === null) return "";
  const moment = new Date(at);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000)
    .toISOString()
    .slice(0, 16);
}

/** @param {StudioChannel} channel @returns {ChannelTexts} */
export function textsOf(channel) {
  const ticket = channel.tiers?.find((tier) => tier.tier === "rent");
  const pass = (/** @type {number | null} */ hours) => {
    const found = channel.passes.find((one) => (one.hours ?? null) === hours);
    return found ? String(found.sat) : "";
  };
  return {
    name: channel.name,
    description: channel.description,
    ticket_sat: ticket ? String(ticket.sat) : "",
    ticket_hours: String(ticket?.hours ?? 48),
    free: channel.tiers?.length === 0,
    day_sat: pass(DAY_HOURS),
    pass_sat: pass(null),
    preview_s: String(channel.preview_s),
    starts_at: local(channel.starts_at),
    record: channel.record,
    publish: channel.publish,
    tips_on_page: channel.tips_on_page,
    goal_sat: channel.goal ? String(channel.goal.sat) : "",
    goal_words: channel.goal?.words ?? "",
    goal_since: local(channel.goal?.since ?? null),
  };
}

/** A whole number; undefined: nothing is written; null: something else. @param {string} text */
function whole(text) {
  const trimmed = text.trim().replace(/[,_\s]/g, "");
  if (trimmed === "") return undefined;
  return /^\d{1,12}$/.test(trimmed) ? Number(trimmed) : null;
}

/**
 * All settings of the form, or what is wrong with them. Prices that the form has no field for stay.
 *
 * @param {StudioChannel} channel @param {ChannelTexts} texts
 * @returns {{ changes: Record<string, unknown> } | { wrong: string }}
 */
export function changesOf(channel, texts) {
  if (texts.name.trim() === "") return { wrong: "A channel needs a name." };
  const [ticket, hours] = [whole(texts.ticket_sat), whole(texts.ticket_hours)];
  const [day, pass] = [whole(texts.day_sat), whole(texts.pass_sat)];
  if ([ticket, day, pass].some((sat) => sat === null || sat === 0))
    return { wrong: "Write prices in whole sat, or leave them empty." };
  if (ticket !== undefined && (!hours || hours > 8760))
    return { wrong: "A ticket lasts 1 to 8,760 hours." };
  const preview = whole(texts.preview_s);
  if (preview === null) return { wrong: "Write whole seconds, or 0 for none." };
  const goal = whole(texts.goal_sat);
  if (goal === null || goal === 0)
    return { wrong: "Write a goal in whole sat, or leave it empty." };
  if (goal !== undefined && texts.goal_words.trim() === "")
    return { wrong: "Say in a few words what the goal is for." };
  const others = channel.tiers?.filter((tier) => tier.tier !== "rent") ?? [];
  /** @type {Tier[] | null} */
  let tiers = ticket === undefined ? (others.length > 0 ? others : null) : [];
  if (ticket !== undefined) tiers = [{ tier: "rent", sat: Number(ticket), hours }, ...others];
  if (texts.free) tiers = [];
  const passes = channel.passes.filter(({ hours = null }) => hours !== null && hours !== DAY_HOURS);
  if (day !== undefined) passes.push({ sat: /** @type {number} */ (day), hours: DAY_HOURS });
  if (pass !== undefined) passes.push({ sat: /** @type {number} */ (pass) });
  return {
    changes: {
      name: texts.name.trim(),
      description: texts.description.trim(),
      tiers,
      passes,
      preview_s: preview ?? 0,
      starts_at: texts.starts_at === "" ? null : new Date(texts.starts_at).toISOString(),
      record: texts.record,
      publish: texts.publish,
      tips_on_page: texts.tips_on_page,
      goal: goalOf(channel, texts, goal),
    },
  };
}

/**
 * A field knows minutes only: a time that nobody changed stays as exact as it was.
 *
 * @param {StudioChannel} channel @param {ChannelTexts} texts @param {number | undefined} sat
 */
function goalOf(channel, texts, sat) {
  if (sat === undefined) return null;
  const { goal } = channel;
  const same = goal && texts.goal_since === local(goal.since);
  const since = texts.goal_since === "" ? new Date() : new Date(texts.goal_since);
  return { sat, words: texts.goal_words.trim(), since: same ? goal.since : since.toISOString() };
}

/** How a channel stands, in words. @param {StudioChannel} channel */
export function standing({ broadcast, starts_at }) {
  if (broadcast) {
    const watch = broadcast.viewers === 1 ? "1 watches" : `${broadcast.viewers} watch`;
    return broadcast.standing === "away"
      ? `Your connection is gone; ${watch}. Publish again to go on.`
      : `On air, ${watch}.`;
  }
  if (starts_at !== null && Date.parse(starts_at) > Date.now()) {
    const when = new Date(starts_at).toLocaleString(undefined, {
      dateStyle: "medium",
      timeStyle: "short",
    });
    return `Off air. Starts ${when}.`;
  }
  return "Off air.";
}

/** The uplink in figures. @param {StudioChannel} channel @returns {[string, string][]} */
export function uplink({ broadcast }) {
  const health = broadcast?.health;
  if (!health) return [];
  return [
    ["Bitrate", `${(health.kbit_s / 1000).toFixed(1)} Mbit/s`],
    ["Frames a second", (health.frames_ks / 1000).toFixed(1)],
    ["Keyframe every", `${(health.keyframes_apart_ms / 1000).toFixed(1)} s`],
    ["Dropped, late", `${health.dropped_frames}, ${health.late_frames}`],
    ["Sound behind picture", `${health.drift_ms} ms`],
    ["Jitter", `${health.jitter_ms} ms`],
  ];
}
