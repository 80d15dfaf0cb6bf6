// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { changesOf, standing, textsOf, uplink } from "../src/studio/channel-form.js";

/** @type {import("../src/studio/types.js").StudioChannel} */
const channel = {
  id: "news",
  url: "/live/news",
  name: "The News",
  description: "",
  tiers: null,
  passes: [],
  preview_s: 0,
  starts_at: null,
  record: true,
  publish: false,
  tips_on_page: false,
  goal: null,
  overlay: false,
  broadcast: null,
};

test("a form that nobody touched changes nothing", () => {
  for (const tiers of [null, [], [{ tier: /** @type {const} */ ("rent"), sat: 5, hours: 12 }]]) {
    const passes = [{ sat: 9, hours: 24 }, { sat: 90 }, { sat: 30, hours: 168 }];
    const priced = { ...channel, tiers, passes, starts_at: "2027-02-01T20:00:00.000Z" };
    const found = changesOf(priced, textsOf(priced));
    assert.ok("changes" in found);
    assert.deepEqual(found.changes.tiers, tiers);
    const bySat = (/** @type {{ sat: number }} */ a, /** @type {{ sat: number }} */ b) =>
      a.sat - b.sat;
    const found_passes = /** @type {typeof passes} */ (found.changes.passes);
    assert.deepEqual([...found_passes].sort(bySat), [...passes].sort(bySat));
    assert.equal(found.changes.starts_at, priced.starts_at);
  }
});

test("prices are whole sat or nothing", () => {
  const texts = textsOf(channel);
  for (const wrong of [
    { ticket_sat: "1.5" },
    { day_sat: "0" },
    { pass_sat: "-1" },
    { preview_s: "soon" },
    { ticket_sat: "5", ticket_hours: "" },
    { name: " " },
    { goal_sat: "5" },
    { goal_sat: "0", goal_words: "A lamp" },
  ]) {
    assert.ok("wrong" in changesOf(channel, { ...texts, ...wrong }), JSON.stringify(wrong));
  }
  const free = changesOf(channel, { ...texts, free: true });
  assert.ok("changes" in free);
  assert.deepEqual(free.changes.tiers, []);
});

test("a goal keeps its beginning until another is written", () => {
  const goal = { sat: 500, words: "A lamp", since: "2027-02-01T20:00:07Z" };
  const aimed = { ...channel, goal };
  const texts = textsOf(aimed);
  const of = (/** @type {Record<string, string>} */ change) => {
    const found = changesOf(aimed, { ...texts, ...change });
    assert.ok("changes" in found);
    return /** @type {typeof goal | null} */ (found.changes.goal);
  };
  assert.deepEqual(of({}), goal);
  assert.deepEqual(of({ goal_words: " Two lamps " }), { ...goal, words: "Two lamps" });
  assert.equal(
    of({ goal_since: "2027-03-01T10:00" })?.since,
    new Date("2027-03-01T10:00").toISOString(),
  );
  assert.equal(of({ goal_sat: "" }), null);
});

test("how it stands", () => {
  assert.equal(standing(channel), "Off air.");
  const broadcast = {
    id: "00",
    standing: /** @type {const} */ ("live"),
    started_at: "",
    viewers: 1,
    unrecorded: null,
    health: null,
  };
  assert.equal(standing({ ...channel, broadcast }), "On air, 1 watches.");
  const away = { ...broadcast, standing: /** @type {const} */ ("away"), viewers: 3 };
  assert.match(standing({ ...channel, broadcast: away }), /gone; 3 watch/);
  assert.deepEqual(uplink({ ...channel, broadcast }), []);
});
