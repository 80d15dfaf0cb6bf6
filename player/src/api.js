// @ts-check
// The server's API as functions. Every fault is a Problem, whether the server named it (RFC 9457) or
// the network failed.

/** @import { Access, Channel, Grant, Order, OrderState, Purchases, Title } from "./types.js" */

import { correct } from "./clock.js";

const PREFIX = "urn:satreel:problem:";

/** What went wrong, with the slug to decide by and the detail to show. */
export class Problem extends Error {
  /**
   * @param {string} slug "unreachable" when no answer came
   * @param {number} status 0 when no answer came
   * @param {string} detail
   * @param {Record<string, unknown>} [fields]
   */
  constructor(slug, status, detail, fields = {}) {
    super(detail || slug);
    this.slug = slug;
    this.status = status;
    this.detail = detail;
    this.fields = fields;
  }

  /** The till is closed for the moment; trying again makes sense. */
  get away() {
    return this.status === 0 || this.status >= 500;
  }
}

/**
 * @param {string} method @param {string} path
 * @param {{ body?: unknown, file?: Blob, token?: string | null, etag?: string }} [options] a body is
 *   sent as JSON, a file as it is
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, file, token, etag } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (file) headers["content-type"] = file.type;
  if (etag) headers["if-match"] = etag;
  if (token) headers.authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
      cache: "no-store",
    });
  } catch {
    throw new Problem("unreachable", 0, "");
  }
  const answer = await response.json().catch(() => ({}));
  if (typeof answer.now === "string") correct(answer.now);
  if (response.ok) return answer;
  const type = typeof answer.type === "string" ? answer.type : "";
  throw new Problem(
    type.startsWith(PREFIX) ? type.slice(PREFIX.length) : "other",
    response.status,
    typeof answer.detail === "string" ? answer.detail : "",
    answer,
  );
}

/** @param {string} name @returns {Promise<Channel>} */
export const channel = (name) => call("GET", `/api/channels/${encodeURIComponent(name)}`);

/** @param {string} id @returns {Promise<Title>} */
export const title = (id) => call("GET", `/api/titles/${encodeURIComponent(id)}`);

/**
 * @param {string} title @param {string} tier
 * @param {string} [ticket] of the last unpaid order for the same: shown again while it is good
 * @returns {Promise<Order>}
 */
export const order = (title, tier, ticket) =>
  call("POST", "/api/orders", { body: { title, tier, ticket } });

/** The same for a channel's pass, while nothing is on air. @param {string} channel @param {string} tier @param {string} [ticket] @returns {Promise<Order>} */
export const orderPass = (channel, tier, ticket) =>
  call("POST", "/api/orders", { body: { channel, tier, ticket } });

/** @param {string} order @returns {Promise<OrderState>} */
export const orderState = (order) => call("GET", `/api/orders/${encodeURIComponent(order)}`);

/** @param {string} order */
export const qrUrl = (order) => `/api/orders/${encodeURIComponent(order)}/qr.svg`;

/** @param {string} order */
export const eventsUrl = (order) => `/api/orders/${encodeURIComponent(order)}/events`;

/** @param {string} ticket @returns {Promise<Access>} */
export const redeem = (ticket) => call("POST", "/api/tokens", { body: { ticket } });

/** @param {string} payment_request @param {string} preimage @returns {Promise<Access>} */
export const recover = (payment_request, preimage) =>
  call("POST", "/api/tokens/recover", { body: { payment_request, preimage } });

/**
 * @param {{ title: string, session?: string, whole_timeline?: boolean, native?: boolean }} body
 * @param {string | null} token
 * @returns {Promise<Grant>}
 */
export const grant = (body, token) => call("POST", "/api/grants", { body, token });

/** @param {{ amount_sat: number, title?: string, channel?: string, message?: string }} body @returns {Promise<Order>} */
export const tip = (body) => call("POST", "/api/tips", { body });

/** @param {string[]} tokens @returns {Promise<Purchases>} */
export const putPurchases = (tokens) => call("PUT", "/api/purchases", { body: { tokens } });

/** @returns {Promise<Purchases>} */
export const purchases = () => call("GET", "/api/purchases");

/** @param {string} payment_request @returns {Promise<{ preimage: string, amount_sat: number }>} */
export const walletPay = (payment_request) =>
  call("POST", "/wallet/pay", { body: { payment_request } });
