// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem } from "../src/api.js";
import { Purse } from "../src/purse.js";
import { PendingOrders } from "../src/sale/pending.js";
import { Sale } from "../src/sale/sale.js";
import { Store } from "../src/sale/store.js";
import { memory } from "./memory.mjs";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const rent = {
  id: "rent",
  tier: "rent",
  sat: 100,
  hours: 24,
  tag: null,
  scope: "title:a",
  label: "24 hours",
};
const title = /** @type {any} */ ({ id: "a", name: "A film", tiers: [rent] });
const access = {
  token: "token-of-the-film",
  scope: "title:a",
  tier: "rent",
  expires_at: "2026-01-02T00:00:00Z",
  subject: "s",
  title: { id: "a", name: "A film" },
  tag: null,
};

/** A sale whose world is a few lines: what the till answers is what `till` says. */
function world(storage = memory()) {
  let orders = 0;
  const till = {
    /** @type {() => Promise<any>} */
    redeem: async () => {
      throw new Problem("unpaid", 402, "");
    },
    /** @type {Problem | null} */
    fault: null,
    redeemed: 0,
    /** The ticket that came with the last order. @type {string | undefined} */
    shown: undefined,
    /** Does the server show the same order again? */
    again: false,
    /** @type {(state: any) => void} */
    tell: () => {},
    watching: 0,
    /** @type {(() => void)[]} */
    later: [],
  };
  const store = new Store();
  const purse = new Purse(storage);
  const pending = new PendingOrders(storage, () => NOW);
  const sale = new Sale(title, store, purse, pending, {
    order: async (_, tier, ticket) => {
      if (till.fault) throw till.fault;
      till.shown = ticket;
      if (!till.again || !ticket) orders++;
      return /** @type {any} */ ({
        order: `o${orders}`,
        ticket: `t${orders}`,
        tier,
        amount_sat: 100,
        expires_at: "2026-01-01T00:10:00Z",
      });
    },
    redeem: () => {
      till.redeemed++;
      return till.redeem();
    },
    watch: (_, tell) => {
      till.tell = tell;
      till.watching++;
      return () => till.watching--;
    },
    later: (then) => till.later.push(then),
  });
  return { sale, store, purse, pending, till, storage };
}

/** Lets everything that is already decided happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("order, payment, access", async () => {
  const { sale, store, purse, pending, till } = world();
  await sale.buy(rent);
  assert.equal(store.state.name, "awaitingPayment");
  assert.equal(pending.list().length, 1);

  till.redeem = async () => access;
  till.tell({ state: "settled", received_sat: 100, amount_sat: 100 });
  await settle();
  assert.deepEqual(store.state, { name: "unlocked", access, paid: true });
  assert.equal(purse.forTitle(["title:a"], NOW)?.token, access.token);
  assert.deepEqual(pending.list(), []);
  assert.equal(till.watching, 0);
});

test("two signs of one payment ask once", async () => {
  const { sale, till } = world();
  await sale.buy(rent);
  till.redeem = async () => access;
  till.tell({ state: "settled" });
  till.tell({ state: "settled" });
  await settle();
  assert.equal(till.redeemed, 1);
});

test("settled, but the answer is lost: asked again until it comes", async () => {
  const { sale, store, till } = world();
  await sale.buy(rent);
  till.redeem = async () => {
    throw new Problem("unreachable", 0, "");
  };
  till.tell({ state: "settled" });
  await settle();
  assert.equal(store.state.name, "awaitingPayment");
  till.redeem = async () => access;
  till.later.shift()?.();
  await settle();
  assert.equal(store.state.name, "unlocked");
});

test("a reload takes up the code where it was", async () => {
  const first = world();
  await first.sale.buy(rent);
  const second = world(first.storage);
  assert.equal(await second.sale.resume(), false);
  const { state } = second.store;
  assert.equal(state.name === "awaitingPayment" && state.order.order, "o1");
});

test("a reload after the payment opens at once", async () => {
  const first = world();
  await first.sale.buy(rent);
  const second = world(first.storage);
  second.till.redeem = async () => access;
  assert.equal(await second.sale.resume(), true);
  assert.equal(second.store.state.name, "unlocked");
});

test("what was put away is not shown again, but still opens when it is paid", async () => {
  const first = world();
  await first.sale.buy(rent);
  first.sale.leave();
  assert.equal(first.store.state.name, "idle");

  const second = world(first.storage);
  await second.sale.resume();
  assert.equal(second.store.state.name, "idle");

  first.till.redeem = async () => access;
  first.till.tell({ state: "settled" });
  await settle();
  assert.equal(first.store.state.name, "unlocked");
});

test("an older code that was paid late opens too", async () => {
  const { sale, store, till } = world();
  await sale.buy(rent);
  store.send({ type: "ran-out" });
  await sale.buy(rent);
  let asked = 0;
  till.redeem = async () => {
    if (++asked === 2) return access;
    throw new Problem("unpaid", 402, "");
  };
  await sale.look();
  assert.equal(store.state.name, "unlocked");
});

test("an abandoned code is asked for again, and is one order", async () => {
  const { sale, store, pending, till } = world();
  await sale.buy(rent);
  assert.equal(till.shown, undefined);
  sale.leave();
  till.again = true;
  await sale.buy(rent);
  assert.equal(till.shown, "t1");
  assert.equal(store.state.name, "awaitingPayment");
  const orders = pending.list();
  assert.deepEqual([orders.length, orders[0]?.order, orders[0]?.shown], [1, "o1", true]);
  assert.equal(pending.ticketFor("a", "own"), undefined, "another choice is another order");
});

test("an amount that no channel can bring has words of its own", async () => {
  const { sale, store, till } = world();
  till.fault = new Problem("cannot-receive", 503, "");
  await sale.buy(rent);
  assert.equal(store.state.name === "failed" && store.state.reason, "full");
});

test("a till that is away says so and keeps the offer", async () => {
  const { sale, store, till } = world();
  till.fault = new Problem("node-away", 503, "The node does not answer.");
  await sale.buy(rent);
  assert.deepEqual(store.state, {
    name: "failed",
    offer: rent,
    reason: "closed",
    detail: "The node does not answer.",
  });
  till.fault = null;
  await sale.buy(rent);
  assert.equal(store.state.name, "awaitingPayment");
});
