// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Alerts } from "../src/overlay/alerts.js";

/** @param {number} number */
const tip = (number) => ({ number, amount_sat: number * 100, message: "", at: "" });

function stage() {
  /** @type {(number | null)[]} */
  const shown = [];
  /** @type {(() => void)[]} */
  const due = [];
  const alerts = new Alerts(
    (one) => shown.push(one?.number ?? null),
    (then) => due.push(then),
  );
  return { shown, alerts, pass: () => due.shift()?.() };
}

test("each tip stands once, in its order, and none from before", () => {
  const { shown, alerts, pass } = stage();
  alerts.take([tip(2), tip(1)]);
  alerts.take([tip(2), tip(1)]);
  assert.deepEqual(shown, []);
  alerts.take([tip(4), tip(3), tip(2)]);
  alerts.take([tip(4), tip(3), tip(2)]);
  assert.deepEqual(shown, [3]);
  pass();
  assert.deepEqual(shown, [3, null]);
  pass();
  assert.deepEqual(shown, [3, null, 4]);
  pass();
  pass();
  alerts.take([tip(5), tip(4)]);
  assert.deepEqual(shown, [3, null, 4, null, 5]);
});

test("a tip that the creator hides is gone, shown or not", () => {
  const { shown, alerts, pass } = stage();
  alerts.take([]);
  alerts.take([tip(3), tip(2), tip(1)]);
  alerts.take([tip(3)]);
  assert.deepEqual(shown, [1, null]);
  pass();
  pass();
  assert.equal(shown.at(-1), 3);
  // What is hidden later than others came is not taken for news.
  alerts.take([]);
  alerts.take([tip(3)]);
  pass();
  pass();
  assert.equal(shown.filter((one) => one === 3).length, 1);
});
