// @ts-check
// How the node stands, in words, and what to do about it.

/** @import { Today } from "./types.js" */

import { sats } from "../words.js";

export const BACKENDS = {
  lnd: "LND, your own node",
  btcpay: "BTCPay Server",
  wallet: "Play money, on this machine only",
};

/** What keeps the till from being open; null: nothing. @param {Today["node"]} node */
export function trouble(node) {
  if (!node.up) {
    const why = node.fault ? ` It says: ${node.fault}.` : "";
    return `The till is closed: your node takes no payments at the moment.${why} Films can't be bought until it is back; nothing that was paid is lost.`;
  }
  if (node.too_little_inbound && node.inbound_sat !== null && node.dearest_sat !== null) {
    return `Your channels can bring ${sats(node.inbound_sat)} in one payment, but your dearest price is ${sats(node.dearest_sat)}. What costs more can't be sold. Open a channel towards your node, or lower the price.`;
  }
  return null;
}

/** @param {Today["node"]} node */
export function inbound(node) {
  if (node.inbound_sat === null) {
    return node.backend === "lnd" ? "Not known" : "As much as anybody sends";
  }
  return sats(node.inbound_sat);
}
