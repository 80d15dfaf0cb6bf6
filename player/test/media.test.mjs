// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem } from "../src/api.js";
import { Grants, withGrant } from "../src/film/grants.js";
import { Gate, gatedLoader } from "../src/film/loader.js";
import { Place } from "../src/film/place.js";
import { memory } from "./memory.mjs";

const NOW = Date.parse("2026-01-01T00:00:00Z");

/** @param {number} number @param {number} [seconds] @param {number} [from] */
const grant = (number, seconds = 600, from = NOW) => ({
  grant: `g${number}`,
  master_url: `/m/g${number}/a/master.m3u8`,
  expires_at: new Date(from + seconds * 1000).toISOString(),
  session: "s",
  full: false,
  preview_s: 4,
  ends_at: null,
  credit_s: 0,
  now: new Date(from).toISOString(),
});

/** hls.js's loader, as far as ours leans on it. */
class Base {
  constructor() {
    this.stats = { loading: { start: 0 }, aborted: false };
    /** @type {any} */
    this.callbacks = null;
  }
  /** @param {any} context @param {any} _ @param {any} callbacks */
  load(context, _, callbacks) {
    assert.equal(this.stats.loading.start, 0, "a loader is used once");
    Base.sent.push(context.url);
    this.callbacks = callbacks;
  }
  abort() {}
  destroy() {}
  /** @type {string[]} */
  static sent = [];
}

/** @param {Gate} gate @param {any} context @param {any} [callbacks] */
function load(gate, context, callbacks = {}) {
  Base.sent = [];
  const loader = new (gatedLoader(Base, gate))();
  loader.load(context, {}, callbacks);
  return loader;
}

/** @param {number} start */
const segment = (start) => ({
  url: "https://films.example/m/old/a/720/s.m4s",
  frag: { start, duration: 2, sn: 1 },
});

test("the newest grant is in every media URL", () => {
  assert.equal(withGrant("/m/old.x/a/master.m3u8", "new"), "/m/new/a/master.m3u8");
  assert.equal(
    withGrant("https://x.example/m/old/a/m/s.m4s?m=/m/1/", "new"),
    "https://x.example/m/new/a/m/s.m4s?m=/m/1/",
  );
});

/** A gate whose free part ends after 4 s. */
async function gateAtFour() {
  const grants = new Grants(
    "a",
    async () => grant(1),
    () => NOW,
    true,
    new Place(memory()),
  );
  await grants.open(null);
  const gate = new Gate(grants);
  gate.end = 4;
  return gate;
}

test("what starts beyond the free part waits, and goes out once it is open", async () => {
  const gate = await gateAtFour();

  load(gate, segment(2));
  assert.deepEqual(Base.sent, ["https://films.example/m/g1/a/720/s.m4s"]);
  load(gate, { ...segment(8), frag: { start: 8, duration: 0, sn: "initSegment" } });
  assert.equal(Base.sent.length, 1, "init segments are free");
  load(gate, { url: "/m/old/a/720/media.m3u8" });
  assert.equal(Base.sent.length, 1, "playlists are free");

  const waiting = load(gate, segment(3.97));
  assert.deepEqual(Base.sent, []);
  assert.ok(waiting.stats.loading.start > 0, "it does not look slow");
  gate.open();
  assert.deepEqual(Base.sent, ["https://films.example/m/g1/a/720/s.m4s"]);
  assert.equal(gate.parked.size, 0);
});

test("a waiting request that is given up never goes out", async () => {
  const gate = await gateAtFour();
  let aborted = 0;
  const loader = load(gate, segment(6), { onAbort: () => aborted++ });
  loader.abort();
  assert.equal(aborted, 1);
  gate.open();
  assert.deepEqual(Base.sent, []);
});

test("an old grant is renewed before a request leaves", async () => {
  let made = 0;
  let now = NOW;
  const grants = new Grants(
    "a",
    async () => grant(++made, 600, now),
    () => now,
    true,
    new Place(memory()),
  );
  await grants.open(null);
  const gate = new Gate(grants);
  now += 590_000;
  load(gate, segment(0));
  assert.deepEqual(Base.sent, []);
  await grants.asking;
  await null;
  assert.deepEqual(Base.sent, ["https://films.example/m/g2/a/720/s.m4s"]);
});

test("many requests renew once", async () => {
  let made = 0;
  let now = NOW;
  const grants = new Grants(
    "a",
    async () => grant(++made, 600, now),
    () => now,
    true,
    new Place(memory()),
  );
  await grants.open(null);
  now += 590_000;
  await Promise.all([grants.ready(), grants.ready(), grants.ready()]);
  assert.equal(made, 2);
});

test("a grant that ends with the rent is not renewed without pause", async () => {
  let made = 0;
  const grants = new Grants(
    "a",
    async () => grant(++made, 9),
    () => NOW,
    true,
    new Place(memory()),
  );
  await grants.open("token");
  assert.equal(grants.fresh(), true);
});

test("a refused request is repeated once with a newer grant", async () => {
  let made = 0;
  const grants = new Grants(
    "a",
    async () => grant(++made),
    () => NOW,
    true,
    new Place(memory()),
  );
  await grants.open(null);
  const gate = new Gate(grants);
  let failed = 0;
  const loader = load(gate, segment(0), { onError: () => failed++ });
  loader.callbacks.onError({ code: 403 }, {}, null, {});
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(Base.sent.slice(1), ["https://films.example/m/g2/a/720/s.m4s"]);
  loader.callbacks.onError({ code: 403 }, {}, null, {});
  assert.equal(failed, 1);
});

test("a refusal to renew is told, an absent network is not", async () => {
  let slug = "token-expired";
  let now = NOW;
  let ask = async () => grant(1);
  const grants = new Grants(
    "a",
    () => ask(),
    () => now,
    true,
    new Place(memory()),
  );
  await grants.open("token");
  /** @type {string[]} */
  const told = [];
  grants.onrefused = (problem) => told.push(problem.slug);
  now += 599_000;
  ask = async () => {
    throw new Problem(slug, slug === "unreachable" ? 0 : 403, "");
  };
  await grants.ready();
  slug = "unreachable";
  assert.equal((await grants.ready())?.grant, "g1", "the old one may still do");
  assert.deepEqual(told, ["token-expired"]);
});

test("a reload keeps this tab's place, another purchase or tab has none", async () => {
  const tab = memory();
  /** @type {(string | undefined)[]} */
  const asked = [];
  let made = 0;
  const open = async (/** @type {string | null} */ token, storage = tab) => {
    const ask = async (/** @type {{ session?: string }} */ body) => {
      asked.push(body.session);
      return { ...grant(1), session: body.session ?? `s${++made}` };
    };
    const grants = new Grants("a", ask, () => NOW, true, new Place(storage));
    await grants.open(token);
    return grants;
  };
  const grants = await open("the-first-purchase");
  await grants.renew();
  await open("the-first-purchase");
  await open("another-one");
  await open("the-first-purchase", memory());
  await open(null);
  assert.deepEqual(asked, [undefined, "s1", "s1", undefined, undefined, undefined]);
  await grants.takeBack("the-first-purchase");
  assert.equal(asked.at(-1), undefined, "as a new device");
  assert.equal((await open("the-first-purchase")).current?.session, grants.current?.session);
  assert.ok(!JSON.stringify(tab).includes("the-first-purchase"));
});

test("while others have all places a request waits, and goes out when one is taken back", async () => {
  let out = false;
  let made = 0;
  const grants = new Grants(
    "a",
    async (/** @type {{ session?: string }} */ body) => {
      if (out && body.session) throw new Problem("too-many-sessions", 409, "");
      return grant(++made);
    },
    () => NOW,
    true,
    new Place(memory()),
  );
  await grants.open("token");
  /** @type {string[]} */
  const told = [];
  grants.onrefused = (problem) => told.push(problem.slug);
  const gate = new Gate(grants);
  let failed = 0;
  const loader = load(gate, segment(2), { onError: () => failed++ });
  out = true;
  loader.callbacks.onError({ code: 403 }, {}, null, loader.stats);
  await new Promise(setImmediate);
  assert.deepEqual([told, failed, gate.parked.size], [["too-many-sessions"], 0, 1]);
  await grants.takeBack("token");
  gate.open();
  assert.deepEqual(Base.sent.at(-1), "https://films.example/m/g2/a/720/s.m4s");
});
