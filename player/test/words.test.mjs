// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { countdown, credit, missing, remaining, sats, span } from "../src/words.js";

test("amounts read as people write them", () => {
  assert.equal(sats(3000), "3,000\u202fsat");
  assert.equal(sats(999), "999\u202fsat");
  assert.equal(sats(1234567), "1,234,567\u202fsat");
  assert.equal(missing(60, 100), "60\u202fsat arrived, 40 are missing.");
  assert.equal(missing(99, 100), "99\u202fsat arrived, 1 is missing.");
});

test("what is left is told as precisely as it matters", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  /** @param {number} minutes */
  const after = (minutes) => remaining(new Date(now + minutes * 60_000).toISOString(), now);
  assert.equal(remaining(null, now), "Yours");
  assert.equal(after(0), "Ran out");
  assert.equal(after(0.2), "1 min left");
  assert.equal(after(95), "95 min left");
  assert.equal(after(24 * 60 - 0.1), "24 h left");
  assert.equal(after(12 * 60), "12 h left");
  assert.equal(after(30 * 24 * 60), "30 days left");
});

test("spans and countdowns", () => {
  assert.equal(span(24), "24 hours");
  assert.equal(span(1), "hour");
  assert.equal(span(720), "30 days");
  assert.equal(countdown(95), "1:35");
  assert.equal(countdown(599.2), "10:00");
  assert.equal(countdown(-3), "0:00");
});

test("what outages added reads as time", () => {
  assert.equal(credit(45), "+45 s for the outage");
  assert.equal(credit(720), "+12 min for the outage");
});
