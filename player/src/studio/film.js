// @ts-check
// One film: its words, prices and free start, its pictures, on sale or hidden, and taking it down.

/** @import { StudioState, StudioTitle } from "./types.js" */
/** @import { Store } from "./store.js" */

import { Problem } from "../api.js";
import { h } from "../dom.js";
import { sats } from "../words.js";
import * as api from "./api.js";
import { KINDS } from "./drop.js";
import { form } from "./film-fields.js";
import { changesOf, textsOf } from "./film-form.js";
import { alarm } from "./lines.js";
import { picturesOf } from "./pictures.js";
import { AWAY, count, length, sentence } from "./words.js";

/**
 * @param {Store} store @param {string} id
 * @param {(file: File, replaces: string) => void} replace takes another file for this title
 */
export function filmView(store, id, replace) {
  const element = h("div", { class: "view film-edit" });
  /** @type {StudioTitle | null} */
  let title = null;
  let built = false;
  /** @type {ReturnType<typeof picturesOf> | null} */
  let gallery = null;
  // Why the last change of its job was not made.
  const answer = h("p", { class: "wrong-words", role: "status" });

  /** @param {StudioState} state */
  function render(state) {
    const found = state.titles.find((one) => one.id === id);
    const job = state.jobs.find((one) => one.id === id);
    const words = job?.answer ? sentence(job.answer) : "";
    if (answer.textContent !== words) answer.textContent = words;
    if (!found) {
      if (state.ready && !built) element.replaceChildren(missing());
      return;
    }
    // A form that somebody writes in is not drawn anew under his hands.
    if (built && title && found.state === title.state) {
      if (found.poster !== title.poster) seePoster(found.poster);
      return;
    }
    title = found;
    built = true;
    show(found);
  }

  /** @param {StudioTitle} current */
  function show(current) {
    title = current;
    const { usualTiers } = store.state;
    const fields = form(current, usualTiers);
    const note = h("div", { class: "stack", "aria-live": "polite" });
    const save = h("button", { type: "submit", class: "button main" }, "Save");
    const before = textsOf(current, usualTiers);
    fields.element.append(h("div", { class: "actions" }, save, note));
    fields.element.addEventListener("submit", (event) => {
      event.preventDefault();
      fields.clear();
      const { changes, wrong } = changesOf(before, fields.texts());
      if (wrong) return fields.blame(wrong.field, wrong.what);
      if (Object.keys(changes).length === 0) return say(note, "Nothing to save.");
      void change(note, changes, "Saved.", fields);
    });
    element.replaceChildren(
      head(current),
      fields.element,
      pictures(current),
      sale(current, note),
      again(current),
      away(current),
    );
  }

  /**
   * @param {HTMLElement} note @param {Record<string, unknown>} changes @param {string} done
   * @param {{ blame: (field: string, what: string) => void }} [fields]
   */
  async function change(note, changes, done, fields) {
    if (!title) return;
    say(note, "");
    try {
      const changed = await api.edit(id, title.etag, changes);
      store.putTitle(changed);
      show(changed);
      const place = element.querySelector(".actions [aria-live]");
      if (place) say(/** @type {HTMLElement} */ (place), done);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { field } = error.fields;
      if (error.slug === "changed") note.replaceChildren(conflict());
      else if (fields && typeof field === "string") fields.blame(field, sentence(error.detail));
      else note.replaceChildren(alarm(error.away ? AWAY : sentence(error.detail)));
    }
  }

  /** Somebody else wrote it meanwhile: nothing is lost, and he says what counts. */
  function conflict() {
    const reread = async () => {
      const current = await api.title(id);
      store.putTitle(current);
      show(current);
    };
    return alarm(
      "This film was changed meanwhile, by hand or in another window. Nothing was overwritten.",
      h(
        "button",
        { type: "button", class: "button small", onclick: () => void reread().catch(() => {}) },
        "Show what is there now",
      ),
    );
  }

  /** @param {StudioTitle} current @param {HTMLElement} note */
  function sale(current, note) {
    const on = current.state === "published";
    const words =
      current.state === "processing"
        ? "It goes on sale by itself once it is made."
        : on
          ? "Everybody can see and buy it."
          : "It is neither listed nor sold. Who bought it can still play it.";
    const state = on ? "hidden" : "published";
    const button = h(
      "button",
      {
        type: "button",
        class: "button",
        onclick: () => void change(note, { state }, on ? "Hidden." : "On sale."),
      },
      on ? "Hide it" : "Publish it",
    );
    const may = current.state === "published" || current.state === "hidden";
    return h(
      "section",
      { class: "stack" },
      h("h2", null, on ? "On sale" : current.state === "hidden" ? "Hidden" : "Being made"),
      h("p", { class: "quiet" }, words),
      may &&
        h(
          "div",
          { class: "actions" },
          button,
          on && h("a", { class: "button", href: `/w/${id}` }, "See its page"),
        ),
    );
  }

  /** @param {StudioTitle} current */
  function pictures(current) {
    if (current.state !== "published" && current.state !== "hidden") return "";
    gallery = picturesOf(id, seePoster);
    return gallery.element;
  }

  /** It was chosen here or elsewhere, or the film has only just been drawn. @param {string | null} poster */
  function seePoster(poster) {
    if (!title || poster === title.poster) return;
    title = { ...title, poster };
    element.querySelector(".film-top .frame")?.replaceChildren(face(title));
    void gallery?.reload();
  }

  /** The film's own pictures and sound, made once more or of another file. @param {StudioTitle} current */
  function again(current) {
    const state = h("p", { class: "quiet", role: "status" });
    const input = h("input", {
      type: "file",
      accept: KINDS,
      hidden: true,
      "aria-label": "Another file",
    });
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (!file) return;
      replace(file, id);
      state.textContent = "On its way. The film plays as it is until the new one is whole.";
    });
    const remake = async () => {
      try {
        await api.ask(id, { do: "remake" });
        state.textContent = "Asked for. The film plays as it is until the new one is whole.";
      } catch (error) {
        state.textContent = error instanceof Problem && !error.away ? sentence(error.detail) : AWAY;
      }
    };
    if (current.state !== "published" && current.state !== "hidden") return "";
    return h(
      "section",
      { class: "stack" },
      h("h2", null, "The film itself"),
      h(
        "p",
        { class: "quiet" },
        "Purchases, address and words stay. Nobody who watches is interrupted.",
      ),
      h(
        "div",
        { class: "actions" },
        h(
          "button",
          { type: "button", class: "button", onclick: () => input.click() },
          "Replace it by another file",
        ),
        h(
          "button",
          { type: "button", class: "button", onclick: () => void remake() },
          "Make it again",
        ),
        input,
      ),
      state,
      answer,
    );
  }

  /** @param {StudioTitle} current */
  function away(current) {
    return h(
      "section",
      { class: "stack" },
      h("h2", null, "Take it down"),
      h(
        "p",
        { class: "quiet" },
        "Removes the film from this machine for good. To stop selling it, hide it.",
      ),
      h(
        "div",
        { class: "actions" },
        h(
          "button",
          { type: "button", class: "button", onclick: () => ask(current) },
          "Delete this film",
        ),
      ),
    );
  }

  /** @param {StudioTitle} current */
  function ask(current) {
    const state = h("p", { class: "wrong-words", role: "alert" });
    const dialog = h(
      "dialog",
      { class: "sheet ask", "aria-labelledby": "ask-heading" },
      h("h2", { id: "ask-heading" }, `Delete “${current.name}”?`),
      h("p", null, leftBehind(current)),
      h(
        "p",
        { class: "quiet" },
        "The sales record stays, and so does the file that the film was made of. If you add the same file again, what was bought opens again.",
      ),
      state,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Keep it"),
        h(
          "button",
          {
            type: "button",
            class: "button danger",
            onclick: () => void remove(current, state, dialog),
          },
          "Delete it",
        ),
      ),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  /** @param {StudioTitle} current @param {HTMLElement} state @param {HTMLDialogElement} dialog */
  async function remove(current, state, dialog) {
    try {
      await api.takeDown(id, current.etag);
      dialog.close();
      store.dropTitle(id);
      location.hash = "#films";
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      state.textContent = error.away ? AWAY : sentence(error.detail);
    }
  }

  return { element, render };
}

/** @param {StudioTitle} title */
function face({ poster, name }) {
  return poster
    ? h("img", { class: "poster", src: poster, alt: "" })
    : h("span", { class: "noposter" }, name.slice(0, 1));
}

/** @param {StudioTitle} title */
function head(title) {
  const facts = [
    title.duration_s ? length(title.duration_s) : null,
    title.width && title.height ? `${title.width} × ${title.height}` : null,
    `${count(title.sales, "sale")}, ${sats(title.received_sat + title.tips_sat)}`,
    title.file_name,
  ];
  return h(
    "header",
    { class: "film-head" },
    h("a", { class: "back", href: "#films" }, "← Films"),
    h(
      "div",
      { class: "film-top" },
      h("span", { class: "frame", "aria-hidden": "true" }, face(title)),
      h(
        "div",
        { class: "stack" },
        h("h1", null, title.name),
        h("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
      ),
    ),
  );
}

/** What deleting means for those who paid. @param {StudioTitle} title */
function leftBehind(title) {
  const { owned, running } = title;
  if (owned + running === 0) {
    return title.sales === 0
      ? "Nobody has bought it."
      : "Nobody can play it now: what was rented has run out.";
  }
  const who = [
    owned > 0 ? `${count(owned, "viewer owns", "viewers own")} it` : null,
    running > 0 ? `${count(running, "rent still runs", "rents still run")}` : null,
  ];
  return `${who.filter(Boolean).join(", and ")}. They have paid, and will have nothing to play.`;
}

function missing() {
  return h(
    "div",
    { class: "empty small" },
    h("h2", null, "This film is not here"),
    h("p", { class: "quiet" }, "It may have been deleted in another window."),
    h("a", { class: "button main", href: "#films" }, "To the films"),
  );
}

/** @param {HTMLElement} place @param {string} words */
function say(place, words) {
  place.replaceChildren(words);
}
