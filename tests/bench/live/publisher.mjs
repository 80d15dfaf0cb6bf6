// @ts-check
// A publisher over RTMP whose frames carry the time at which they were sent.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

/** @import { Socket } from "node:net" */
/** @typedef {{ type: number, time: number, body: Buffer }} Tag */
/** @typedef {{ begin: Tag[], frames: Tag[], lasts: number, fps: number }} Reel frames repeat after `lasts` ms */

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;
const COMMAND = 20;
const SET_CHUNK_SIZE = 1;
/** A message is sent in one chunk. */
const CHUNK = 1 << 20;
/** Names the message in a picture that is the time (`user_data_unregistered`). */
const MARK = Buffer.from("satreel-bench-at");
const DIGITS = 17;

/** Microseconds since 1970. */
export const micros = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

/** A film of so many seconds, as a publisher sends it. @param {string} path @param {number} seconds */
export function makeReel(path, seconds) {
  execFileSync("ffmpeg", [
    ...["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"],
    "testsrc2=size=1920x1080:rate=30,noise=alls=4:allf=t,format=yuv420p",
    ...["-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", String(seconds)],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"],
    ...["-b:v", "4500k", "-maxrate", "4500k", "-bufsize", "4500k"],
    ...["-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-bf", "0"],
    ...["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-f", "flv", path],
  ]);
  return readReel(readFileSync(path), seconds);
}

/** @param {Buffer} flv @param {number} seconds @returns {Reel} */
function readReel(flv, seconds) {
  /** @type {Tag[]} */
  const tags = [];
  for (let at = 9 + 4; at + 11 <= flv.length;) {
    const size = flv.readUIntBE(at + 1, 3);
    const time = flv.readUIntBE(at + 4, 3) + ((flv[at + 7] ?? 0) << 24);
    tags.push({
      type: flv[at] ?? 0,
      time,
      body: flv.subarray(at + 11, at + 11 + size),
    });
    at += 11 + size + 4;
  }
  const isHeader = (/** @type {Tag} */ { type, body }) => type !== DATA && body[1] === 0;
  const media = tags.filter(({ type }) => type === AUDIO || type === VIDEO);
  const frames = media.filter((tag) => !isHeader(tag) && tag.time < seconds * 1000);
  // What ends the stream (AVC's end of sequence) is no frame.
  const usable = frames.filter(({ type, body }) => type !== VIDEO || body[1] === 1);
  return {
    begin: media.filter(isHeader),
    frames: usable,
    lasts: seconds * 1000,
    fps: 30,
  };
}

/** A picture with the time in it. @param {Buffer} body @param {number} at */
function stamped(body, at) {
  const payload = Buffer.concat([MARK, Buffer.from(String(at).padStart(DIGITS, "0"))]);
  const message = Buffer.concat([
    Buffer.from([6, 5, payload.length]),
    payload,
    Buffer.from([0x80]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([body.subarray(0, 5), length, message, body.subarray(5)]);
}

/** When the pictures in these bytes were sent. @param {Buffer} bytes @returns {number[]} */
export function stamps(bytes) {
  const found = [];
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    const digits = bytes.subarray(at + MARK.length, at + MARK.length + DIGITS);
    found.push(Number(digits.toString()));
  }
  return found;
}

/** Connected as soon as somebody listens. @param {number} port @param {string} host */
async function reach(port, host) {
  for (;;) {
    const socket = connect(port, host);
    try {
      await once(socket, "connect");
      return socket;
    } catch {
      // Nobody listens there yet: once more.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

export class Publisher {
  #socket;
  #closed = false;

  /** @param {Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => (this.#closed = true));
  }

  /** Connected and allowed to publish. @param {string} url `rtmp://host:port/app/key` */
  static async open(url) {
    const { hostname, port, pathname } = new URL(url);
    const [, app = "", key = ""] = pathname.split("/");
    const socket = await reach(Number(port), hostname);
    socket.setNoDelay();
    const heard = new Heard(socket);
    socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1536)]));
    const answer = await heard.bytes(1 + 1536 + 1536);
    socket.write(answer.subarray(1, 1 + 1536));
    const publisher = new Publisher(socket);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(CHUNK);
    publisher.#send(2, SET_CHUNK_SIZE, 0, 0, size);
    const tcUrl = `rtmp://${hostname}:${port}/${app}`;
    publisher.#command(0, "connect", 1, {
      app,
      type: "nonprivate",
      flashVer: "FMLE/3.0",
      tcUrl,
    });
    await heard.word("_result");
    publisher.#command(0, "createStream", 2, null);
    await heard.word("_result");
    publisher.#command(1, "publish", 3, null, key, "live");
    await heard.word("NetStream.Publish.Start");
    heard.done();
    return publisher;
  }

  /** @param {number} stream @param {...unknown} values */
  #command(stream, ...values) {
    this.#send(3, COMMAND, 0, stream, Buffer.concat(values.map(amf)));
  }

  /** @param {number} chunk @param {number} type @param {number} time @param {number} stream @param {Buffer} body */
  #send(chunk, type, time, stream, body) {
    const head = Buffer.alloc(12);
    head[0] = chunk;
    head.writeUIntBE(time, 1, 3);
    head.writeUIntBE(body.length, 4, 3);
    head[7] = type;
    head.writeUInt32LE(stream, 8);
    this.#socket.write(Buffer.concat([head, body]));
  }

  /** Sends a reel in its own time until it is stopped. @param {Reel} reel */
  play(reel) {
    for (const { type, body } of reel.begin) this.#send(type === VIDEO ? 6 : 4, type, 0, 1, body);
    const began = performance.now();
    let next = 0;
    const step = () => {
      if (this.#closed) return;
      const now = performance.now() - began;
      for (;;) {
        const tag = /** @type {Tag} */ (reel.frames[next % reel.frames.length]);
        const time = tag.time + Math.floor(next / reel.frames.length) * reel.lasts;
        if (time > now) {
          setTimeout(step, time - now);
          return;
        }
        const body = tag.type === VIDEO ? stamped(tag.body, micros()) : tag.body;
        this.#send(tag.type === VIDEO ? 6 : 4, tag.type, time, 1, body);
        next += 1;
      }
    };
    step();
  }

  end() {
    this.#closed = true;
    this.#socket.destroy();
  }
}

/** What the server says, as bytes: enough for its few answers. */
class Heard {
  #bytes = Buffer.alloc(0);
  /** @type {() => void} */
  #wake = () => {};
  /** @type {string | null} */
  #fault = null;

  /** @param {Socket} socket */
  constructor(socket) {
    this.socket = socket;
    this.onData = (/** @type {Buffer} */ data) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#wake();
    };
    socket.on("data", this.onData);
    socket.once("close", () => {
      this.#fault = `the publisher was turned away: ${this.#bytes.toString("latin1").slice(-200)}`;
      this.#wake();
    });
  }

  /** @param {() => Buffer | null} look */
  async #until(look) {
    for (;;) {
      const found = look();
      if (found !== null) return found;
      if (this.#fault !== null) throw new Error(this.#fault);
      await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    }
  }

  /** The next so many. @param {number} count */
  bytes(count) {
    return this.#until(() => {
      if (this.#bytes.length < count) return null;
      const taken = this.#bytes.subarray(0, count);
      this.#bytes = this.#bytes.subarray(count);
      return taken;
    });
  }

  /** All until a word. @param {string} word */
  word(word) {
    return this.#until(() => {
      const at = this.#bytes.indexOf(word);
      if (at < 0) return null;
      this.#bytes = this.#bytes.subarray(at + word.length);
      return this.#bytes;
    });
  }

  done() {
    this.socket.off("data", this.onData);
    this.socket.resume();
  }
}

/** AMF0. @param {unknown} value @returns {Buffer} */
function amf(value) {
  if (value === null) return Buffer.from([5]);
  if (typeof value === "number") {
    const bytes = Buffer.alloc(9);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === "string") {
    const head = Buffer.from([2, value.length >> 8, value.length & 255]);
    return Buffer.concat([head, Buffer.from(value)]);
  }
  const members = Object.entries(/** @type {object} */ (value)).flatMap(([key, member]) => [
    Buffer.from([key.length >> 8, key.length & 255]),
    Buffer.from(key),
    amf(member),
  ]);
  return Buffer.concat([Buffer.from([3]), ...members, Buffer.from([0, 0, 9])]);
}
