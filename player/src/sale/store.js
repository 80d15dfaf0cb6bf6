// @ts-check
// One sale as a state machine, without a page and without a network: what may follow what.
//
//   idle → choosing → ordering → awaitingPayment → unlocked → playing
//                        ↑  ↘ failed       ↘ expired      ↘ choosing (the rent ran out)
//
// Never optimistic: only `unlock`, which carries what the server minted, leads to unlocked.

/** @import { SaleEvent, SaleState } from "../types.js" */

/**
 * The next state; the same object when the event changes nothing.
 *
 * @param {SaleState} state @param {SaleEvent} event
 * @returns {SaleState}
 */
export function next(state, event) {
  switch (event.type) {
    // What was paid opens, whatever the page was doing: a payment may arrive after the code ran out,
    // or while the viewer is already looking at a new one.
    case "unlock":
      return { name: "unlocked", access: event.access, paid: event.paid };
    case "choose":
      return owns(state) || busy(state) ? state : { name: "choosing", why: event.why };
    case "order":
      return owns(state) || state.name === "ordering"
        ? state
        : { name: "ordering", offer: event.offer };
    case "ordered":
      return state.name === "ordering"
        ? {
            name: "awaitingPayment",
            offer: state.offer,
            order: event.order,
            received_sat: 0,
            confirming: false,
          }
        : state;
    case "arrived":
      return arrived(state, event.state);
    case "ran-out":
      // What was seen on chain in time only waits for its confirmation.
      return state.name === "awaitingPayment" && !state.confirming ? expired(state) : state;
    case "playing":
      return state.name === "unlocked" ? { name: "playing", access: state.access } : state;
    case "lost":
      return owns(state) ? { name: "choosing", why: event.why } : state;
    case "fail":
      return owns(state)
        ? state
        : {
            name: "failed",
            offer: "offer" in state ? state.offer : null,
            reason: event.reason,
            detail: event.detail,
          };
    case "leave":
      return owns(state) ? state : { name: "idle" };
  }
}

/** @param {SaleState} state @param {import("../types.js").OrderState} order */
function arrived(state, order) {
  if (state.name !== "awaitingPayment") return state;
  if (order.state === "expired") return expired(state);
  const confirming = order.state === "confirming";
  if (order.received_sat === state.received_sat && confirming === state.confirming) return state;
  return { ...state, received_sat: order.received_sat, confirming };
}

/** @param {SaleState & { name: "awaitingPayment" }} state @returns {SaleState} */
function expired({ offer, order, received_sat }) {
  return { name: "expired", offer, order, received_sat };
}

/** @param {SaleState} state */
function owns(state) {
  return state.name === "unlocked" || state.name === "playing";
}

/** @param {SaleState} state */
function busy(state) {
  return state.name === "ordering" || state.name === "awaitingPayment";
}

/** Holds the state and tells whoever listens. */
export class Store {
  constructor() {
    /** @type {SaleState} */
    this.state = { name: "idle" };
    /** @type {Set<(state: SaleState, before: SaleState) => void>} */
    this.listeners = new Set();
  }

  /** @param {SaleEvent} event */
  send(event) {
    const before = this.state;
    this.state = next(before, event);
    if (this.state !== before) for (const listener of this.listeners) listener(this.state, before);
  }

  /** @param {...SaleState["name"]} names */
  is(...names) {
    return names.includes(this.state.name);
  }

  /** @param {(state: SaleState, before: SaleState) => void} listener */
  listen(listener) {
    this.listeners.add(listener);
    listener(this.state, this.state);
  }
}
