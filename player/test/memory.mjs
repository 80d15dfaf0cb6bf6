// @ts-check

/** A browser's storage without a browser. */
export function memory() {
  /** @type {Map<string, string>} */
  const held = new Map();
  return {
    /** @param {string} key */
    getItem: (key) => held.get(key) ?? null,
    /** @param {string} key @param {string} value */
    setItem: (key, value) => void held.set(key, value),
    /** @param {string} key */
    removeItem: (key) => void held.delete(key),
  };
}
