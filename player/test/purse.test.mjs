// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX, Purse, carryUrl, exportFile, importText } from "../src/purse.js";
import { memory } from "./memory.mjs";

const NOW = Date.parse("2026-01-01T00:00:00Z");

/** @param {string} token @param {string} scope @param {string | null} expires_at */
const access = (token, scope, expires_at) => ({
  token,
  scope,
  expires_at,
  credit_s: 0,
  tier: "rent",
  subject: "s",
  title: null,
  tag: null,
});

test("the one that lasts longest opens a title", () => {
  const purse = new Purse(memory());
  purse.add(access("over", "title:a", "2025-12-31T23:59:59Z"));
  purse.add(access("short", "title:a", "2026-01-01T01:00:00Z"));
  purse.add(access("pass", "site", "2026-01-02T00:00:00Z"));
  purse.add(access("other", "title:b", null));
  purse.add(access("noir", "tag:0011223344556677", "2026-01-01T02:00:00Z"));
  const scopes = ["title:a", "site", "tag:ffffffffffffffff"];
  assert.equal(purse.forTitle(scopes, NOW)?.token, "pass");
  assert.equal(purse.forTitle(["title:b", "site"], NOW)?.token, "other");
  assert.equal(purse.forTitle(scopes, Date.parse("2026-01-03T00:00:00Z")), null);
  assert.equal(purse.ranOut(scopes, NOW)?.token, "over");
  const tagged = ["title:c", "tag:ffffffffffffffff", "tag:0011223344556677"];
  assert.equal(purse.forTitle(tagged, NOW)?.token, "noir");
  assert.equal(purse.ranOut(tagged, Date.parse("2026-01-03T00:00:00Z"))?.token, "noir");
  assert.equal(purse.forTitle(["title:c", "site"], Date.parse("2026-01-03T00:00:00Z")), null);
});

test("the same purchase is kept once", () => {
  const purse = new Purse(memory());
  purse.add(access("one", "title:a", null));
  purse.add(access("one", "title:a", null));
  assert.equal(purse.list().length, 1);
});

test("an outage makes one of them last longer", () => {
  const purse = new Purse(memory());
  purse.add(access("one", "title:a", "2025-12-31T23:59:00Z"));
  purse.add(access("two", "title:a", "2025-12-31T23:00:00Z"));
  assert.equal(purse.forTitle(["title:a"], NOW), null);
  purse.extend("one", "2026-01-01T00:11:00Z");
  assert.equal(purse.forTitle(["title:a"], NOW)?.token, "one");
});

test("what the server rejects stays: a lost key must cost nobody a purchase", () => {
  const purse = new Purse(memory());
  purse.add(access("unknown-today", "title:a", null));
  purse.accept({
    purchases: [],
    rejected: [{ index: 0, reason: "unknown-key", retired: false }],
    now: "",
  });
  assert.equal(purse.list().length, 1);
});

test("a storage that is broken or refuses is an empty one", () => {
  const broken = memory();
  broken.setItem("satreel:purse", "{not json");
  assert.deepEqual(new Purse(broken).list(), []);
  const refusing = {
    ...memory(),
    setItem: () => {
      throw new Error("full");
    },
  };
  new Purse(refusing).add(access("one", "title:a", null));
});

test("an exported file comes back whole", () => {
  const tokens = ["first-token-of-mine", "second-token-of-mine"];
  assert.deepEqual(importText(exportFile("Kino", tokens)), tokens);
});

test("what is no copy brings nothing", () => {
  for (const text of [
    "",
    "hello",
    "{",
    '{"satreel":2,"tokens":["first-token-of-mine"]}',
    '{"satreel":1,"tokens":"first-token-of-mine"}',
    '{"satreel":1,"tokens":[1,null,{}]}',
    "<script>alert(1)</script>",
  ]) {
    assert.deepEqual(importText(text), [], text);
  }
});

test("single tokens can be pasted, and never more than the server takes", () => {
  assert.deepEqual(importText(" first-token-of-mine\n"), ["first-token-of-mine"]);
  assert.deepEqual(importText(carryUrl("https://kino.example", "first-token-of-mine")), [
    "first-token-of-mine",
  ]);
  const many = Array.from({ length: MAX + 5 }, (_, index) => `token-number-${index}-of-mine`);
  assert.equal(importText(many.join("\n")).length, MAX);
});
