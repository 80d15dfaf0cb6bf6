// @ts-check
// What is being made: films on their way here, films that wait for the rest of them, jobs.

/** @import { Job, StudioState, Transfer, Upload } from "./types.js" */
/** @import { Uploader } from "./transfer.js" */

import { h } from "../dom.js";
import { keyed } from "./lines.js";
import { isNumbered, openJobs } from "./store.js";
import { size, wait } from "./words.js";

/** @typedef {{ key: string, transfer?: Transfer, upload?: Upload, job?: Job, published?: boolean }} Item */

/**
 * @param {{ uploader: Uploader, drop: (key: string) => void, forget: (upload: Upload) => Promise<void>, pick: () => void, ask: (job: Job, change: string) => void, hide: (job: Job) => void }} acts
 */
export function workList(acts) {
  const list = h("ul", { class: "works" });
  /** @type {Item[]} */
  let items = [];

  /** @param {StudioState} state */
  function update(state) {
    items = itemsOf(state);
    keyed(
      list,
      items,
      (item) => item.key,
      () => line(acts),
    );
  }
  return Object.assign(list, { update, busy: () => items.length > 0 });
}

/** @param {StudioState} state @returns {Item[]} */
function itemsOf(state) {
  const names = new Set(state.transfers.map((transfer) => `${transfer.name}:${transfer.bytes}`));
  const published = new Set(
    state.titles.filter((title) => title.state !== "processing").map((title) => title.id),
  );
  const jobs = openJobs(state);
  /** @type {Set<Job>} */
  const shown = new Set();
  /** @param {Transfer} transfer */
  const jobOf = (transfer) => {
    const found = jobs.find((job) =>
      isNumbered(job) ? job.id === transfer.title : job.file_name === transfer.name,
    );
    if (found) shown.add(found);
    return found;
  };
  const transfers = state.transfers.map((transfer) => ({
    key: `t:${transfer.key}`,
    transfer,
    job: transfer.state === "done" ? jobOf(transfer) : undefined,
    published: transfer.title !== null && published.has(transfer.title),
  }));
  const uploads = state.uploads
    .filter(
      (upload) => upload.state === "receiving" && !names.has(`${upload.name}:${upload.length}`),
    )
    .map((upload) => ({ key: `u:${upload.id}`, upload }));
  const others = jobs.filter((job) => !shown.has(job)).map((job) => ({ key: `j:${job.id}`, job }));
  return [...transfers, ...uploads, ...others];
}

/** @param {Parameters<typeof workList>[0]} acts */
function line(acts) {
  const name = h("span", { class: "name" });
  const words = h("span", { class: "quiet", role: "status" });
  const bar = h("progress", { max: 100 });
  const actions = h("div", { class: "actions" });
  const element = h(
    "li",
    { class: "work" },
    h("div", { class: "text" }, name, words),
    bar,
    actions,
  );
  let shown = "";

  /** @param {Item} item */
  function update(item) {
    const look = lookOf(item, acts);
    name.textContent = look.name;
    words.textContent = look.words;
    element.classList.toggle("wrong", look.wrong ?? false);
    bar.hidden = look.percent === undefined;
    bar.setAttribute("aria-label", look.name);
    if (look.percent === null) bar.removeAttribute("value");
    else if (look.percent !== undefined) bar.value = look.percent;
    const kinds = look.buttons.map(([label]) => label).join();
    if (kinds === shown) return;
    shown = kinds;
    actions.replaceChildren(
      ...look.buttons.map(([label, act]) =>
        typeof act === "string"
          ? h("a", { class: "button small", href: act }, label)
          : h("button", { type: "button", class: "button small", onclick: act }, label),
      ),
    );
  }
  return Object.assign(element, { update });
}

/**
 * @typedef {{ name: string, words: string, percent?: number | null, wrong?: boolean, buttons: [string, string | (() => void)][] }} Look
 * @param {Item} item @param {Parameters<typeof workList>[0]} acts
 * @returns {Look}
 */
function lookOf({ transfer, upload, job, published }, acts) {
  if (transfer) {
    if (job) {
      const look = jobLook(job, acts);
      // Put away, it goes from here too.
      const buttons = look.buttons.map(([label, act]) =>
        label === "Put away" && typeof act === "function"
          ? /** @type {[string, () => void]} */ ([label, () => (act(), acts.drop(transfer.key))])
          : /** @type {[string, string | (() => void)]} */ ([label, act]),
      );
      return { ...look, name: transfer.name, buttons };
    }
    return transferLook(transfer, published ?? false, acts);
  }
  if (upload) {
    return {
      name: upload.name,
      words: `${size(upload.offset)} of ${size(upload.length)} arrived. Choose the same file again, and it goes on from there.`,
      percent: (upload.offset / Math.max(1, upload.length)) * 100,
      buttons: [
        ["Choose file", acts.pick],
        ["Give up", () => void acts.forget(upload)],
      ],
    };
  }
  return jobLook(/** @type {Job} */ (job), acts);
}

/** @param {Transfer} transfer @param {boolean} published @param {Parameters<typeof workList>[0]} acts @returns {Look} */
function transferLook(transfer, published, { uploader, drop }) {
  const { key, name, bytes, sent, speed, title } = transfer;
  const percent = (sent / Math.max(1, bytes)) * 100;
  const cancel = () => {
    void uploader.cancel(key);
    drop(key);
  };
  const left = speed > 0 ? `, ${size(speed)}/s, ${wait((bytes - sent) / speed)} left` : "";
  switch (transfer.state) {
    case "waiting":
      return { name, words: "Waits for its turn", percent, buttons: [["Cancel", cancel]] };
    case "sending":
      return {
        name,
        words: transfer.fault ?? `${size(sent)} of ${size(bytes)}${left}`,
        percent,
        buttons: [
          ["Pause", () => uploader.pause(key)],
          ["Cancel", cancel],
        ],
      };
    case "paused":
      return {
        name,
        words: `Paused at ${size(sent)} of ${size(bytes)}`,
        percent,
        buttons: [
          ["Go on", () => uploader.resume(key)],
          ["Cancel", cancel],
        ],
      };
    case "failed":
      return {
        name,
        words: transfer.fault ?? "",
        wrong: true,
        buttons: [
          ["Try again", () => uploader.resume(key)],
          ["Put away", () => drop(key)],
        ],
      };
    case "known":
      return {
        name,
        words: "You have this film already: the same file, byte for byte.",
        buttons: [
          ["Show it", `#film/${title}`],
          ["Put away", () => drop(key)],
        ],
      };
    case "done":
      return published
        ? {
            name,
            words: "On sale.",
            buttons: [
              ["Edit", `#film/${title}`],
              ["Put away", () => drop(key)],
            ],
          }
        : { name, words: "Arrived. The film is looked at next.", percent: null, buttons: [] };
  }
}

const STAGES = {
  reading: "The file is read",
  looking: "The film is looked through",
  making: "Being made",
};

/** @param {Job} job @param {Parameters<typeof workList>[0]} acts @returns {Look} */
function jobLook(job, { ask, hide }) {
  const name = job.name || job.file_name || job.id;
  // What never became a film has no number to ask by.
  const known = isNumbered(job);
  /** @param {string} change @returns {() => void} */
  const to = (change) => () => ask(job, change);
  /** @param {[string, () => void][]} buttons @returns {[string, () => void][]} */
  const offer = (...buttons) => (known ? buttons : []);
  const percent = job.percent ? job.percent : null;
  const answer = job.answer ? ` ${sentence(job.answer)}` : "";
  switch (job.state) {
    case "failed":
      return {
        name,
        words: sentence(job.fault ?? "This film could not be made") + answer,
        wrong: true,
        buttons: known
          ? offer(["Try again", to("retry")], ["Put away", to("forget")])
          : [["Put away", () => hide(job)]],
      };
    case "cancelled":
      return {
        name,
        words: `Given up.${answer}`,
        buttons: offer(["Try again", to("retry")], ["Put away", to("forget")]),
      };
    case "paused":
      return {
        name,
        words: `Paused at ${job.percent ?? 0} %.${answer}`,
        percent,
        buttons: offer(["Go on", to("resume")], ["Cancel", to("cancel")]),
      };
    case "held":
      return {
        name,
        words: sentence(job.detail ?? "It waits for room on the disk") + answer,
        wrong: true,
        percent,
        buttons: offer(["Cancel", to("cancel")]),
      };
    case "waiting":
      return {
        name,
        words: `Waits for its turn.${answer}`,
        percent,
        buttons: offer(["Cancel", to("cancel")]),
      };
    default: {
      const facts = [
        STAGES[job.stage ?? "making"],
        job.percent ? `${job.percent} %` : null,
        job.speed ? `${job.speed.toFixed(1)} × real time` : null,
        job.remaining_s ? `${wait(job.remaining_s)} left` : null,
      ];
      return {
        name,
        words: facts.filter(Boolean).join(", ") + answer,
        percent,
        buttons: offer(["Pause", to("pause")], ["Cancel", to("cancel")]),
      };
    }
  }
}

/** @param {string} words */
function sentence(words) {
  const end = /[.!?]$/.test(words) ? "" : ".";
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}${end}`;
}
