// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Store, next } from "../src/sale/store.js";

/** @import { SaleEvent, SaleState } from "../src/types.js" */

const offer = {
  id: "rent",
  tier: "rent",
  sat: 100,
  hours: 24,
  tag: null,
  scope: "title:a",
  label: "24 hours",
};
const order = /** @type {any} */ ({ order: "o1", ticket: "t1", title: "a", amount_sat: 100 });
const access = /** @type {any} */ ({ token: "k", expires_at: null });

/** @type {Record<SaleState["name"], SaleState>} */
const states = {
  idle: { name: "idle" },
  choosing: { name: "choosing", why: "asked" },
  ordering: { name: "ordering", offer },
  awaitingPayment: { name: "awaitingPayment", offer, order, received_sat: 0, confirming: false },
  unlocked: { name: "unlocked", access, paid: true },
  playing: { name: "playing", access },
  expired: { name: "expired", offer, order, received_sat: 0 },
  failed: { name: "failed", offer, reason: "closed", detail: "" },
};
/** @type {Record<string, SaleEvent>} */
const events = {
  choose: { type: "choose", why: "preview-over" },
  order: { type: "order", offer },
  ordered: { type: "ordered", order },
  underpaid: { type: "arrived", state: { state: "underpaid", received_sat: 60, amount_sat: 100 } },
  settled: { type: "arrived", state: { state: "settled", received_sat: 0, amount_sat: 100 } },
  expired: { type: "arrived", state: { state: "expired", received_sat: 0, amount_sat: 100 } },
  ranOut: { type: "ran-out" },
  unlock: { type: "unlock", access, paid: true },
  playing: { type: "playing" },
  lost: { type: "lost", why: "ran-out" },
  fail: { type: "fail", reason: "closed", detail: "" },
  leave: { type: "leave" },
};

/**
 * What each event leads to from each state; what is not named stays where it is.
 *
 * @type {Record<string, Record<string, string>>}
 */
const table = {
  idle: { choose: "choosing", order: "ordering", unlock: "unlocked", fail: "failed" },
  choosing: { order: "ordering", unlock: "unlocked", fail: "failed", leave: "idle" },
  ordering: { ordered: "awaitingPayment", unlock: "unlocked", fail: "failed", leave: "idle" },
  awaitingPayment: {
    order: "ordering",
    expired: "expired",
    ranOut: "expired",
    unlock: "unlocked",
    fail: "failed",
    leave: "idle",
  },
  unlocked: { playing: "playing", lost: "choosing" },
  playing: { unlock: "unlocked", lost: "choosing" },
  expired: {
    choose: "choosing",
    order: "ordering",
    unlock: "unlocked",
    fail: "failed",
    leave: "idle",
  },
  failed: { choose: "choosing", order: "ordering", unlock: "unlocked", leave: "idle" },
};

test("every event in every state leads where the table says", () => {
  for (const [name, state] of Object.entries(states)) {
    for (const [event, value] of Object.entries(events)) {
      assert.equal(next(state, value).name, table[name][event] ?? name, `${name} + ${event}`);
    }
  }
});

test("nothing but an unlock opens: a word of settlement is only a hint", () => {
  for (const [event, value] of Object.entries(events)) {
    if (event === "unlock") continue;
    for (const name of /** @type {const} */ (["idle", "choosing", "ordering", "awaitingPayment"])) {
      assert.ok(!["unlocked", "playing"].includes(next(states[name], value).name));
    }
  }
});

test("what arrived is kept, and a repeated word changes nothing", () => {
  const store = new Store();
  let told = 0;
  store.listen(() => told++);
  store.send({ type: "order", offer });
  store.send({ type: "ordered", order });
  store.send(events.underpaid);
  const state = store.state;
  assert.equal(state.name === "awaitingPayment" && state.received_sat, 60);
  const before = told;
  store.send(events.underpaid);
  store.send(events.settled);
  assert.equal(store.state.name, "awaitingPayment");
  assert.equal(told, before + 1, "the settled event carried another amount, the repeat nothing");
});

test("what was seen on chain does not run out, and opens by an unlock only", () => {
  const seen = next(states.awaitingPayment, {
    type: "arrived",
    state: { state: "confirming", received_sat: 100, amount_sat: 100 },
  });
  assert.equal(seen.name === "awaitingPayment" && seen.confirming, true);
  assert.equal(next(seen, events.ranOut), seen);
  const again = { state: /** @type {const} */ ("open"), received_sat: 0, amount_sat: 100 };
  const spent = next(seen, { type: "arrived", state: again });
  assert.equal(spent.name === "awaitingPayment" && spent.confirming, false, "spent elsewhere");
  assert.equal(next(seen, events.unlock).name, "unlocked");
});

test("a code that ran out remembers what had arrived", () => {
  const part = next(states.awaitingPayment, events.underpaid);
  const over = next(part, events.ranOut);
  assert.equal(over.name === "expired" && over.received_sat, 60);
});
