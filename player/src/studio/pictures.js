// @ts-check
// What shows a film: its poster, chosen among those that were made or one's own; the storefront's clip,
// the small pictures over the timeline, a recording's shape.

/** @import { Pictures } from "./types.js" */

import { Problem } from "../api.js";
import { h } from "../dom.js";
import * as api from "./api.js";
import { AWAY, sentence } from "./words.js";

const KINDS = ["image/jpeg", "image/png", "image/webp"];
const MOST_BYTES = 10 * 1024 * 1024;
const WAITING = "Asked for. The transcoder does not answer; it does it as soon as it runs.";

/** Why a file is no poster, before it is sent. @param {{ type: string, size: number }} file */
export function wrongWith({ type, size }) {
  if (!KINDS.includes(type)) return "Choose a JPEG, PNG or WebP picture.";
  return size > MOST_BYTES ? "The picture has more than 10 MB. Save it smaller." : null;
}

/**
 * @param {string} id
 * @param {(poster: string | null) => void} onshown the title has another poster
 */
export function picturesOf(id, onshown) {
  const tiles = h("div", { class: "posters", role: "group", "aria-labelledby": "poster-heading" });
  const state = h("p", { class: "quiet", role: "status" });
  const more = h("div", { class: "seen" });
  const input = h("input", {
    type: "file",
    accept: KINDS.join(),
    hidden: true,
    "aria-label": "A picture of your own",
  });
  const element = h(
    "section",
    { class: "stack", hidden: true },
    h("h2", { id: "poster-heading" }, "Poster"),
    tiles,
    input,
    state,
    more,
  );
  let etag = "";
  let busy = false;

  /** @param {Pictures} pictures */
  function show(pictures) {
    etag = pictures.etag;
    const { choices, own, poster } = pictures;
    const at = [...tiles.children].indexOf(document.activeElement ?? tiles);
    const all = choices.map(({ number, picture, shown }) =>
      tile(`Picture ${number}`, picture, shown, () => put(number)),
    );
    if (own && poster) all.unshift(tile("As it is now", poster, true, () => {}));
    tiles.replaceChildren(...all, add());
    // Whoever chose by keyboard is still there.
    if (at >= 0) /** @type {HTMLElement | undefined} */ (tiles.children[at])?.focus();
    more.replaceChildren(...seen(pictures));
    element.hidden = all.length === 0;
  }

  /** @param {string} name @param {string} picture @param {boolean} shown @param {() => unknown} choose */
  function tile(name, picture, shown, choose) {
    return h(
      "button",
      {
        type: "button",
        class: "tile",
        "aria-label": name,
        "aria-pressed": String(shown),
        onclick: () => void (shown || choose()),
      },
      h("img", { src: picture, alt: "", loading: "lazy", decoding: "async" }),
    );
  }

  function add() {
    return h(
      "button",
      { type: "button", class: "tile own", onclick: () => input.click() },
      "A picture of your own",
    );
  }

  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    const wrong = wrongWith(file);
    if (wrong) state.textContent = wrong;
    else void put(file);
  });

  /** @param {number | File} picture */
  async function put(picture) {
    if (busy) return;
    busy = true;
    tiles.setAttribute("aria-busy", "true");
    state.textContent = "One moment.";
    try {
      const pictures = await api.showBy(id, etag, picture);
      show(pictures);
      state.textContent = pictures.waiting ? WAITING : "Viewers see it from now on.";
      if (!pictures.waiting) onshown(pictures.poster);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.slug === "changed") await load();
      state.textContent =
        error.slug === "changed"
          ? "The poster was changed meanwhile. Choose once more."
          : error.away
            ? AWAY
            : sentence(error.detail);
    } finally {
      busy = false;
      tiles.removeAttribute("aria-busy");
    }
  }

  async function load() {
    try {
      show(await api.pictures(id));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The rest of the page says that the cinema is away.
    }
  }

  void load();
  return { element, reload: load };
}

/** What else viewers see of it. @param {Pictures} pictures @returns {HTMLElement[]} */
function seen({ hover, sheets, waveform, poster }) {
  /** @type {(name: string, ...shown: HTMLElement[]) => HTMLElement} */
  const part = (name, ...shown) =>
    h("figure", null, h("figcaption", { class: "quiet" }, name), ...shown);
  const parts = [];
  if (hover) {
    const clip = h("video", {
      class: "poster",
      src: hover,
      poster,
      controls: true,
      loop: true,
      playsinline: true,
      preload: "none",
      "aria-label": "The clip on the storefront",
    });
    clip.muted = true;
    parts.push(part("The clip on the storefront, out of the free start", clip));
  }
  if (waveform) {
    const shape = h("div", {
      class: "shape",
      role: "img",
      "aria-label": "The recording's loudness",
    });
    shape.style.maskImage = `url("${waveform}")`;
    parts.push(part("How loud it is, over time", h("div", { class: "shape-ground" }, shape)));
  }
  if (sheets.length > 0) {
    const images = sheets.map((sheet) =>
      h("img", { class: "sheet-of-pictures", src: sheet, alt: "", loading: "lazy" }),
    );
    parts.push(
      h(
        "details",
        null,
        h("summary", null, "The small pictures over the timeline"),
        h("div", { class: "sheets" }, ...images),
      ),
    );
  }
  return parts;
}
