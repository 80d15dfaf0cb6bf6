// @ts-check
// The pair of LND nodes for scripts: `lnd-pair` as a program that is told what to do line by line.
//
// SATREEL_PAIR is the program's path.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** @typedef {Awaited<ReturnType<typeof openPair>>} Pair */
/** @typedef {{ address: string, certificate: string, macaroon: string, admin_macaroon: string, pid: number }} Shop */

/** Starts two nodes with a channel, and returns once a payment has passed. */
export async function openPair() {
  const program = process.env.SATREEL_PAIR;
  if (!program)
    throw new Error("SATREEL_PAIR must name the program lnd-pair: see `make test-browser`");
  const child = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"] });
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => child.once("exit", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the nodes are gone");
    return JSON.parse(value);
  };
  /** @type {{ shop: Shop }} */
  const { shop } = await answer();
  /** Commands are answered in turn. @type {Promise<unknown>} */
  let last = Promise.resolve();

  /** @param {Record<string, unknown>} command @returns {Promise<any>} */
  const tell = (command) => {
    const told = last.then(async () => {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      const said = await answer();
      if (said.error) throw new Error(said.error);
      return said;
    });
    last = told.catch(() => {});
    return told;
  };

  return {
    /** Where the selling node is. */
    shop,
    tell,
    /** The buyer pays. @param {string} request @returns {Promise<string>} the preimage */
    pay: async (request) => (await tell({ pay: request })).preimage,
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

/** The `[payments]` tables for this node. @param {Shop} shop */
export const payments = (shop) => `[payments]
backend = "lnd"
[payments.lnd]
address = "${shop.address}"
certificate = ${JSON.stringify(shop.certificate)}
macaroon = { file = ${JSON.stringify(shop.macaroon)} }
network = "regtest"
`;
