// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { changesOf, textsOf } from "../src/studio/film-form.js";
import { trouble } from "../src/studio/node-words.js";
import { Store, openJobs } from "../src/studio/store.js";
import { goesOn } from "../src/studio/transfer.js";
import { bought, length, offers, size, wait } from "../src/studio/words.js";

/** @import { Job, Sale, StudioTitle, Tier, Today } from "../src/studio/types.js" */

/** @type {Tier[]} */
const usual = [
  { tier: "rent", sat: 100, hours: 24 },
  { tier: "own", sat: 3000 },
];
/** @type {StudioTitle} */
const title = {
  id: "00ff10a9bcdef012",
  name: "The Film",
  description: "",
  year: 1962,
  tags: ["noir", "short"],
  tiers: null,
  preview_s: 60,
  state: "published",
  duration_s: 4000,
  width: 640,
  height: 360,
  created_at: "2026-01-01T00:00:00Z",
  poster: null,
  file_name: "film.mp4",
  sales: 0,
  received_sat: 0,
  tips_sat: 0,
  owned: 0,
  running: 0,
  etag: '"0"',
};
/** @param {number} number @returns {Sale} */
const sale = (number) => ({
  number,
  settled_at: "2026-01-01T00:00:00Z",
  title: title.id,
  tag: null,
  name: "The Film",
  tier: "own",
  hours: null,
  received_sat: 3000,
});

test("a form says only what changed", () => {
  const before = textsOf(title, usual);
  assert.deepEqual(changesOf(before, before), { changes: {}, wrong: null });
  const after = { ...before, name: " New ", year: "", tags: "noir, , long", preview_s: "90" };
  assert.deepEqual(changesOf(before, after).changes, {
    name: "New",
    year: null,
    tags: ["noir", "long"],
    preview_s: 90,
  });
  const free = changesOf(before, { ...before, selling: "free" });
  assert.deepEqual(free.changes, { tiers: [] });
  const own = changesOf(before, {
    ...before,
    selling: "own",
    rent_sat: "",
    own_sat: "4,500",
  });
  assert.deepEqual(own.changes, { tiers: [{ tier: "own", sat: 4500 }] });
});

test("what is wrong in a form has its place", () => {
  const before = textsOf(title, usual);
  for (const [change, field] of /** @type {const} */ ([
    [{ name: " " }, "name"],
    [{ year: "soon" }, "year"],
    [{ preview_s: "1.5" }, "preview_s"],
    [{ selling: "own", own_sat: "0" }, "tiers"],
    [{ selling: "own", own_sat: "", rent_sat: "" }, "tiers"],
    [{ selling: "own", rent_hours: "9000" }, "tiers"],
  ])) {
    assert.equal(changesOf(before, { ...before, ...change }).wrong?.field, field);
  }
});

test("a sale counts once, in the list and in the day", () => {
  const store = new Store();
  const day = { date: "2026-01-01", sales: 0, received_sat: 0, tips: 0, tips_sat: 0 };
  store.setSales({ sales: [sale(1)], tips: [], days: [day, day] });
  store.addSale(sale(2));
  store.addSale(sale(2));
  assert.deepEqual(
    store.state.sales.map(({ number, fresh }) => [number, fresh ?? false]),
    [
      [2, true],
      [1, false],
    ],
  );
  assert.equal(store.state.days[1]?.received_sat, 3000);
  assert.equal(store.state.days[0]?.received_sat, 0);
});

test("jobs that changed replace what was known of them", () => {
  const store = new Store();
  /** @param {string} id @param {string} state @returns {Job} */
  const job = (id, state) => ({ id, name: id, state });
  store.set({ jobs: [job("1", "working"), job("2", "working")] });
  store.mergeJobs([job("2", "done"), job("3", "failed")]);
  assert.deepEqual(
    openJobs(store.state).map(({ id }) => id),
    ["3", "1"],
  );
});

test("the node's trouble has words, and none means none", () => {
  /** @type {Today["node"]} */
  const node = {
    backend: "lnd",
    up: true,
    fault: null,
    inbound_sat: 5000,
    dearest_sat: 3000,
    too_little_inbound: false,
    reconciled: true,
  };
  assert.equal(trouble(node), null);
  const short = { ...node, inbound_sat: 100, too_little_inbound: true };
  assert.match(trouble(short) ?? "", /bring 100.sat .* dearest price is 3,000.sat/);
  const away = { ...node, up: false, fault: "the wallet is locked" };
  assert.match(trouble(away) ?? "", /closed.*the wallet is locked/);
});

test("figures read as people write them", () => {
  assert.equal(size(0), "0\u202fB");
  assert.equal(size(1536), "1.5\u202fKB");
  assert.equal(size(4_294_967_296), "4.3\u202fGB");
  assert.equal(wait(30), "30\u202fs");
  assert.equal(wait(61), "2\u202fmin");
  assert.equal(wait(Infinity), "");
  assert.equal(length(4000), "1:06:40");
  assert.equal(length(59), "0:59");
  assert.equal(offers(null, usual), "24 h 100\u202fsat · own 3,000\u202fsat");
  assert.equal(offers([], usual), "Free");
  assert.equal(bought(sale(1)), "The Film, to own");
  assert.equal(bought({ ...sale(1), name: null }), "A film that was taken down, to own");
});

test("an upload goes on by itself after what passes, and stops at what does not", () => {
  for (const status of [0, 423, 500, 502, 503]) assert.ok(goesOn("PATCH", status), `${status}`);
  assert.ok(goesOn("PATCH", 409), "it stands elsewhere by now");
  assert.ok(!goesOn("POST", 409), "too many uploads");
  for (const status of [400, 401, 404, 413, 507]) assert.ok(!goesOn("PATCH", status), `${status}`);
});
