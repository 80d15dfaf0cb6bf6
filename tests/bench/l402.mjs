// @ts-check
// A program buys by L402 from a server on a real LND pair: how long the challenge takes, invoice
// included, and the first authorised answer once the node has settled. Each buyer comes from an
// address of their own, so that none is shown another's invoice.

import { atMost, percentile } from "./table.mjs";
import { FILM } from "./titles.mjs";

/** @import { Client } from "./program.mjs" */
/** @import { Pair } from "../lnd/pair.mjs" */

const BUYERS = 150;
const WARM_UP = 10;
/** What Aperture needs on such machines is 4 and 1.6 ms. */
const CHALLENGE_MS = 4;
const AUTHORISED_MS = 2;

/** @param {Client} client @param {Pair} pair */
export async function l402(client, pair) {
  const challenges = [];
  const answers = [];
  for (let number = 0; number < WARM_UP + BUYERS; number++) {
    const from = `198.51.${number >> 8}.${number & 255}`;
    let began = performance.now();
    const challenge = await ask(client, from, 402);
    challenges.push(performance.now() - began);
    const { macaroon, invoice } = parse(String(challenge.headers["www-authenticate"]));
    const preimage = await pair.pay(invoice);
    began = performance.now();
    await ask(client, from, 307, `L402 ${macaroon}:${preimage}`);
    answers.push(performance.now() - began);
  }
  challenges.splice(0, WARM_UP);
  answers.splice(0, WARM_UP);
  const note = (/** @type {number[]} */ times) => `p99 ${percentile(times, 0.99).toFixed(1)} ms`;
  return [
    atMost("LND: L402 challenge, p50", percentile(challenges, 0.5), "ms", {
      goal: CHALLENGE_MS,
      note: note(challenges),
    }),
    atMost("LND: settled → first authorised answer, p50", percentile(answers, 0.5), "ms", {
      goal: AUTHORISED_MS,
      note: note(answers),
    }),
  ];
}

/** @param {Client} client @param {string} from @param {number} expected @param {string} [authorization] */
async function ask(client, from, expected, authorization) {
  const headers = { "x-forwarded-for": from, ...(authorization && { authorization }) };
  const answer = await client.open("GET", `/l402/${FILM}/master.m3u8`, { headers });
  answer.resume();
  if (answer.statusCode === expected) return answer;
  throw new Error(`L402: ${answer.statusCode} instead of ${expected}`);
}

/** @param {string} challenge */
function parse(challenge) {
  const value = (/** @type {string} */ name) => {
    const found = challenge.match(new RegExp(`${name}="([^"]+)"`))?.[1];
    if (!found) throw new Error(`no ${name} in ${challenge}`);
    return found;
  };
  return { macaroon: value("macaroon"), invoice: value("invoice") };
}
