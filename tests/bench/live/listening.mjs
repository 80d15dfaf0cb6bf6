// @ts-check
// Broadcasts' journals as they grow: how long each part was on its way until it was listed.

import { closeSync, openSync, readFileSync, readSync, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { micros, stamps } from "./publisher.mjs";

/** No journal grows by more between two looks. */
const CHUNK = 64 << 10;

export class Listening {
  /** @type {number[]} */
  #late = [];
  /** @type {(() => void)[]} */
  #ends = [];

  /** All broadcasts that run in a folder, from here on. @param {string} folder */
  static async open(folder) {
    const listening = new Listening();
    for (const id of await readdir(folder)) listening.#follow(join(folder, id, "journal"));
    return listening;
  }

  /** How late each part was, in milliseconds from its last frame being sent. */
  close() {
    for (const end of this.#ends) end();
    return this.#late;
  }

  /** @param {string} journal */
  #follow(journal) {
    const [file, chunk] = [openSync(journal, "r"), Buffer.alloc(CHUNK)];
    let at = readFileSync(journal).length;
    const watcher = watch(journal, () => {
      const read = readSync(file, chunk, 0, CHUNK, at);
      const now = micros();
      const whole = chunk.subarray(0, read).lastIndexOf("\n") + 1;
      at += whole;
      for (const line of chunk.toString("utf8", 0, whole).split("\n").filter(Boolean)) {
        const { part } = JSON.parse(line);
        if (part?.track !== "v") continue;
        const last = stamps(piece(dirname(journal), part)).at(-1);
        if (last !== undefined) this.#late.push((now - last) / 1000);
      }
    });
    this.#ends.push(() => {
      watcher.close();
      closeSync(file);
    });
  }
}

/**
 * A part out of its segment's file, which has another name until it is whole.
 *
 * @param {string} folder
 * @param {{ track: string, segment: number, place: { at: number, bytes: number } }} part
 */
function piece(folder, { track, segment, place }) {
  const name = `${track}-${segment}.m4s`;
  let file;
  try {
    file = openSync(join(folder, `.${name}.part`), "r");
  } catch {
    file = openSync(join(folder, name), "r");
  }
  const bytes = Buffer.alloc(place.bytes);
  readSync(file, bytes, 0, place.bytes, place.at);
  closeSync(file);
  return bytes;
}
