// @ts-check
// This tab's place among the devices that play a purchase. A reload keeps it, another tab has one of
// its own, so that loading a page again pushes nobody out.

const KEY = "satreel:playing";

export class Place {
  /** @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} store the tab's own */
  constructor(store) {
    this.store = store;
    /** @type {{ of: string, session: string } | null} */
    this.held = this.read();
  }

  /** @returns {{ of: string, session: string } | null} */
  read() {
    try {
      const held = JSON.parse(this.store.getItem(KEY) ?? "null");
      return typeof held?.session === "string" && typeof held.of === "string" ? held : null;
    } catch {
      return null;
    }
  }

  /** The playing to renew with this purchase, if there is one. @param {string | null} token */
  session(token) {
    return token !== null && this.held?.of === mark(token) ? this.held.session : undefined;
  }

  /** @param {string | null} token @param {string} session */
  keep(token, session) {
    if (token === null) return;
    this.held = { of: mark(token), session };
    try {
      this.store.setItem(KEY, JSON.stringify(this.held));
    } catch {
      // Without storage a reload is a device more: the oldest gives way.
    }
  }

  /** The next playing is a new one. */
  leave() {
    this.held = null;
    try {
      this.store.removeItem(KEY);
    } catch {
      // As above.
    }
  }
}

/** Tells purchases apart without keeping another copy of one. @param {string} token */
function mark(token) {
  return token.slice(-8);
}
