// @ts-check
// Which languages this viewer hears and reads, kept from film to film.

const PREFIX = "satreel:language:";

export class Languages {
  /** @param {Storage} store */
  constructor(store) {
    this.store = store;
  }

  /** @param {"captions" | "sound"} what @returns {string | null} null: no captions, the usual sound */
  get(what) {
    try {
      return this.store.getItem(PREFIX + what);
    } catch {
      return null;
    }
  }

  /** @param {"captions" | "sound"} what @param {string | null} language */
  set(what, language) {
    try {
      if (language) this.store.setItem(PREFIX + what, language);
      else this.store.removeItem(PREFIX + what);
    } catch {
      // No storage, no memory.
    }
  }
}

/**
 * The one in the wanted language: exactly, else by its first part ("de" for "de-AT").
 *
 * @template {{ language: string }} T
 * @param {Iterable<T>} tracks @param {string} wanted
 * @returns {T | undefined}
 */
export function inLanguage(tracks, wanted) {
  const all = [...tracks];
  const main = (/** @type {string} */ language) => language.split("-")[0];
  return (
    all.find(({ language }) => language === wanted) ??
    all.find(({ language }) => language !== "" && main(language) === main(wanted))
  );
}
