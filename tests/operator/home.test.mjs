// @ts-check
// Everything at home behind a small public machine: two networks, a real WireGuard between them, nginx on one side, Satreel
// and LND on the other.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { follow as followOf } from "../around/docs.mjs";
import * as networks from "../around/networks.mjs";
import { buy, follow, machine, play } from "./site.mjs";

/** Runs a block at home. @param {string} name @param {(commands: string) => string} [change] */
const atHome = (name, change) => follow(name, change, networks.atHome);

test("a site at home sells behind a small public machine", async (t) => {
  await networks.connect();
  const there = await machine(networks.atHome);
  after(() => there.pair.close());
  await atHome("machine");
  await follow("proxy");
  await atHome("lnd");
  await atHome("lnd configuration", there.configured);
  await atHome("start");
  await followOf("wireguard");
  t.diagnostic(await networks.open());
  await atHome("home");
  await follow("home's proxy");
  const title = (await atHome("film")).stdout.trim().split(" ").at(-1) ?? "";
  const token = await buy(title, there.pair.pay);
  await play(title, token);
  assert.match((await atHome("sold")).stdout, /\b100 sat/);
});
