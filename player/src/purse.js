// @ts-check
// What this browser owns. The first home is localStorage; the second is a cookie that only the server
// reads, since some browsers empty localStorage after a week without a visit.

/** @import { Access, Purchase, Purchases } from "./types.js" */

const KEY = "satreel:purse";
/** As many as `PUT /api/purchases` takes. */
export const MAX = 100;

/**
 * @typedef {{ token: string, scope: string, tier: string, expires_at: string | null,
 *   name: string | null, tag?: string | null }} Held
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Store
 */

export class Purse {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
  }

  /** @returns {Held[]} */
  list() {
    try {
      const held = JSON.parse(this.store.getItem(KEY) ?? "[]");
      return Array.isArray(held) ? held.filter((one) => typeof one?.token === "string") : [];
    } catch {
      return [];
    }
  }

  /** @param {Held[]} held */
  save(held) {
    try {
      this.store.setItem(KEY, JSON.stringify(held.slice(0, MAX)));
    } catch {
      // Private browsing may refuse: what was bought still plays until the page is closed, and the
      // cookie still keeps it.
    }
  }

  /** Newest first; the same token once. @param {Access | Purchase} access */
  add(access) {
    const held = {
      token: access.token,
      scope: access.scope,
      tier: access.tier,
      expires_at: access.expires_at,
      name: access.title?.name ?? null,
      tag: access.tag ?? null,
    };
    this.save([held, ...this.list().filter((one) => one.token !== access.token)]);
    return held;
  }

  /** An outage has added time. @param {string} token @param {string} expiresAt */
  extend(token, expiresAt) {
    const longer = (/** @type {Held} */ one) =>
      one.token === token ? { ...one, expires_at: expiresAt } : one;
    this.save(this.list().map(longer));
  }

  /** @param {string} token */
  remove(token) {
    this.save(this.list().filter((one) => one.token !== token));
  }

  /**
   * What opens a title now: what lasts longest.
   *
   * @param {string[]} scopes whatever opens the title @param {number} now milliseconds
   * @returns {Held | null}
   */
  forTitle(scopes, now) {
    const open = this.list().filter((one) => scopes.includes(one.scope) && lasts(one) > now);
    open.sort((one, other) => lasts(other) - lasts(one));
    return open[0] ?? null;
  }

  /** What once opened a title and no longer does: what was bought for it first of all. @param {string[]} scopes @param {number} now */
  ranOut(scopes, now) {
    const over = this.list().filter((one) => scopes.includes(one.scope) && lasts(one) <= now);
    return over.find((one) => one.scope.startsWith("title:")) ?? over[0] ?? null;
  }

  /**
   * Takes names and times from the server. What it rejects stays: keys that are missing for a day
   * must cost nobody a purchase.
   *
   * @param {Purchases} answer
   */
  accept(answer) {
    const known = new Map(answer.purchases.map((purchase) => [purchase.token, purchase]));
    this.save(
      this.list().map((one) => {
        const purchase = known.get(one.token);
        if (!purchase) return one;
        return {
          token: one.token,
          scope: purchase.scope,
          tier: purchase.tier,
          expires_at: purchase.expires_at,
          name: purchase.title?.name ?? one.name,
          tag: purchase.tag ?? one.tag ?? null,
        };
      }),
    );
  }
}

/** @param {{ expires_at: string | null }} held */
function lasts(held) {
  return held.expires_at === null ? Infinity : Date.parse(held.expires_at);
}

/**
 * The file that carries purchases to another device.
 *
 * @param {string} site @param {string[]} tokens
 */
export function exportFile(site, tokens) {
  return `${JSON.stringify({ satreel: 1, site, tokens }, null, 2)}\n`;
}

/**
 * Reads an exported file, one bare token, or tokens one a line. Says nothing about whether they are
 * genuine: only the server can.
 *
 * @param {string} text
 * @returns {string[]} empty when nothing in it looks like a purchase
 */
export function importText(text) {
  const trimmed = text.trim();
  if (trimmed.startsWith("{")) {
    try {
      const file = JSON.parse(trimmed);
      if (file.satreel !== 1 || !Array.isArray(file.tokens)) return [];
      return unique(file.tokens.filter(looksLikeToken));
    } catch {
      return [];
    }
  }
  const words = trimmed.split(/\s+/).map((word) => word.replace(/^\S*#add=/, ""));
  return unique(words.filter(looksLikeToken));
}

/**
 * One purchase as a link, for another device's camera. What follows the # stays in the browser.
 *
 * @param {string} origin @param {string} token
 */
export function carryUrl(origin, token) {
  return `${origin}/purchases#add=${token}`;
}

/** @param {unknown} text @returns {text is string} */
function looksLikeToken(text) {
  return typeof text === "string" && /^[A-Za-z0-9_.-]{16,1024}$/.test(text);
}

/** @param {string[]} tokens */
function unique(tokens) {
  return [...new Set(tokens)].slice(0, MAX);
}
