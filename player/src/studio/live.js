// @ts-check
// Live: channels, what they cost and when they begin, their stream keys, and how the uplink is.

/** @import { StreamKey, StudioChannel } from "./types.js" */
/** @import { ChannelTexts } from "./channel-form.js" */

import { Problem } from "../api.js";
import { h } from "../dom.js";
import { copyText } from "../pay/copy.js";
import * as api from "./api.js";
import { changesOf, standing, textsOf, uplink } from "./channel-form.js";
import { keyed } from "./lines.js";
import { AWAY, sentence } from "./words.js";

const LOOK_MS = 2000;
/** Addresses of overlays that were made since this page was opened. @type {Map<string, string>} */
const overlays = new Map();

/** @param {unknown} problem */
const words = (problem) => {
  const { away, detail } = /** @type {Problem} */ (problem);
  return away ? AWAY : sentence(detail);
};

export function liveView() {
  const list = h("div", { class: "stack channels" });
  const none = h(
    "p",
    { class: "empty small", hidden: true },
    "Make a channel, then publish to it with OBS.",
  );
  /** Keys that were made since this page was opened. @type {Map<string, StreamKey>} */
  const keys = new Map();
  const look = async () => {
    try {
      const { channels } = await api.channels();
      none.hidden = channels.length > 0;
      keyed(
        list,
        channels,
        ({ id }) => id,
        (channel) => card(channel, keys, look),
      );
    } catch {
      // The banner says that the cinema does not answer; the next look may find it.
    }
  };
  const timer = setInterval(() => {
    if (!element.isConnected) clearInterval(timer);
    else if (document.visibilityState === "visible") void look();
  }, LOOK_MS);
  const element = h(
    "div",
    { class: "view" },
    h("h1", null, "Live"),
    none,
    list,
    adding(keys, look),
  );
  void look();
  return { element, render: () => {} };
}

/** @param {Map<string, StreamKey>} keys @param {() => Promise<void>} look */
function adding(keys, look) {
  const name = h("input", { id: "new-channel", name: "id", required: true, maxlength: "32" });
  const wrong = h("p", { class: "wrong-words", role: "alert" });
  const add = async () => {
    wrong.textContent = "";
    try {
      const made = await api.addChannel(name.value.trim());
      keys.set(made.id, made);
      name.value = "";
      await look();
    } catch (problem) {
      wrong.textContent = words(problem);
    }
  };
  return h(
    "form",
    {
      class: "film-form",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void add();
      },
    },
    h(
      "div",
      { class: "row" },
      h("label", { for: "new-channel" }, "A new channel's address: small letters, digits, hyphens"),
      name,
    ),
    wrong,
    h(
      "div",
      { class: "actions" },
      h("button", { type: "submit", class: "button" }, "Make a channel"),
    ),
  );
}

/**
 * One channel; its elements stay while it changes, so that nobody's typing is lost.
 *
 * @param {StudioChannel} channel @param {Map<string, StreamKey>} keys @param {() => Promise<void>} look
 */
function card(channel, keys, look) {
  let now = channel;
  const title = h("h2", null, channel.name);
  const state = h("p", { class: "quiet", role: "status" });
  const says = h("ul", { class: "doctor" });
  const facts = h("dl", { class: "facts-list" });
  const secret = h("div", { class: "stack" });
  const wrong = h("p", { class: "wrong-words", role: "alert" });
  const act = async (/** @type {() => Promise<unknown>} */ what) => {
    wrong.textContent = "";
    try {
      await what();
      await look();
    } catch (problem) {
      wrong.textContent = words(problem);
    }
  };
  const renew = async () => {
    const question = `The old stream key of ${now.name} will open nothing any more. A new one?`;
    if (confirm(question)) keys.set(now.id, await api.renewKey(now.id));
  };
  const overlay = async () => {
    const question = `The old address of the overlay of ${now.name} will show nothing any more. A new one?`;
    if (now.overlay && !confirm(question)) return;
    overlays.set(now.id, (await api.openOverlay(now.id)).url);
    // What was asked for is shown, whatever else has changed.
    said = "";
  };
  const remove = async () => {
    if (confirm(`Remove ${now.name}? Its recordings stay.`)) await api.removeChannel(now.id);
  };
  const button = (/** @type {string} */ text, /** @type {() => Promise<unknown>} */ what) =>
    h("button", { type: "button", class: "button small", onclick: () => void act(what) }, text);
  const element = /** @type {HTMLElement & { update: (channel: StudioChannel) => void }} */ (
    h(
      "section",
      { class: "channel stack" },
      title,
      state,
      says,
      facts,
      secret,
      h("p", null, h("a", { href: channel.url }, channel.url)),
      h(
        "details",
        null,
        h("summary", null, "Prices, schedule, recording"),
        settings(() => now, act),
      ),
      wrong,
      h(
        "div",
        { class: "actions" },
        button("New stream key", renew),
        button("Overlay for OBS", overlay),
        button("Remove", remove),
      ),
    )
  );
  let said = "";
  element.update = (news) => {
    now = news;
    const key = keys.get(news.id);
    const shown = JSON.stringify([news.name, standing(news), news.broadcast, key?.key]);
    if (shown === said) return;
    said = shown;
    title.textContent = news.name;
    state.textContent = standing(news);
    const faults = [...(news.broadcast?.health?.says ?? [])];
    if (news.broadcast?.unrecorded) faults.unshift(`Not recorded: ${news.broadcast.unrecorded}.`);
    says.replaceChildren(...faults.map((fault) => h("li", null, fault)));
    facts.replaceChildren(
      ...uplink(news).map(([name, value]) =>
        h("div", null, h("dt", null, name), h("dd", null, value)),
      ),
    );
    const address = overlays.get(news.id);
    secret.replaceChildren(...(key ? shownOnce(key) : []), ...(address ? overlaid(address) : []));
  };
  return element;
}

/** @param {StreamKey} key */
function shownOnce(key) {
  return [
    h("p", null, "For OBS, under Settings, Stream, Custom. The key is shown this once."),
    copied("Server", key.server_url),
    copied("Stream key", key.key),
  ];
}

/** @param {string} address */
function overlaid(address) {
  return [
    h(
      "p",
      null,
      "For OBS: Sources, +, Browser, as wide and high as your picture. Shown this once.",
    ),
    copied("Address", address),
  ];
}

/** @param {string} name @param {string} text */
function copied(name, text) {
  const copy = h("button", { type: "button", class: "button small" }, "Copy");
  copy.addEventListener("click", () => {
    void copyText(text, copy).then((done) => (copy.textContent = done ? "Copied" : "Copy"));
  });
  return h(
    "div",
    { class: "secret" },
    h("span", { class: "quiet" }, name),
    h("code", null, text),
    copy,
  );
}

/**
 * @param {() => StudioChannel} now @param {(what: () => Promise<unknown>) => Promise<void>} act
 */
function settings(now, act) {
  const texts = textsOf(now());
  const id = now().id;
  /** @type {Record<string, HTMLInputElement>} */
  const fields = {};
  const field = (
    /** @type {keyof ChannelTexts} */ name,
    /** @type {string} */ label,
    /** @type {Record<string, string | boolean>} */ attributes = {},
  ) => {
    const input = h("input", { id: `${id}-${name}`, name, ...attributes });
    if (attributes.type === "checkbox") input.checked = Boolean(texts[name]);
    else input.value = String(texts[name]);
    fields[name] = input;
    return attributes.type === "checkbox"
      ? h("label", { class: "choice" }, input, label)
      : h("div", { class: "row" }, h("label", { for: input.id }, label), input);
  };
  const sat = { inputmode: "numeric" };
  const read = () => {
    const value = (/** @type {string} */ name) => fields[name]?.value ?? "";
    const checked = (/** @type {string} */ name) => fields[name]?.checked ?? false;
    return {
      ...texts,
      ...Object.fromEntries(Object.keys(fields).map((name) => [name, value(name)])),
      free: checked("free"),
      record: checked("record"),
      publish: checked("publish"),
      tips_on_page: checked("tips_on_page"),
    };
  };
  const save = async () => {
    const found = changesOf(now(), read());
    if ("wrong" in found) throw new Problem("invalid", 422, found.wrong.replace(/\.$/, ""));
    const saved = textsOf(await api.editChannel(id, found.changes));
    // A goal that began with this save must not begin again with the next.
    if (fields.goal_since) fields.goal_since.value = saved.goal_since;
    done.textContent = "Saved.";
  };
  const done = h("p", { class: "quiet", role: "status" });
  return h(
    "form",
    {
      class: "film-form",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        done.textContent = "";
        void act(save);
      },
    },
    field("name", "Name"),
    field("description", "Description"),
    h(
      "div",
      { class: "two" },
      field("ticket_sat", "A broadcast, sat (empty: your usual prices)", sat),
      field("ticket_hours", "for how many hours", sat),
      field("day_sat", "Everything for a day, sat", sat),
      field("pass_sat", "Everything for ever, sat", sat),
      field("preview_s", "Free seconds", sat),
      field("starts_at", "Next broadcast", { type: "datetime-local" }),
    ),
    field("free", "Free for everybody", { type: "checkbox" }),
    field("record", "Keep broadcasts as films", { type: "checkbox" }),
    field("publish", "Sell them at once, without my look", { type: "checkbox" }),
    field("tips_on_page", "Show tips and their words on the page", { type: "checkbox" }),
    h(
      "div",
      { class: "two" },
      field("goal_sat", "Goal of the tips, sat (empty: none)", sat),
      field("goal_words", "What for", { maxlength: "60" }),
      field("goal_since", "Tips count since (empty: from now on)", { type: "datetime-local" }),
    ),
    h("div", { class: "actions" }, h("button", { type: "submit", class: "button" }, "Save"), done),
  );
}
