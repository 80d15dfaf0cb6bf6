// @ts-check
// Films on their way from this browser, by tus: without DOM. What arrived stays at the server, so a lost
// connection, a restart of either side or a reload costs nothing but the time in between.

/** @import { Transfer } from "./types.js" */

import { Upload } from "tus-js-client";

const ENDPOINT = "/api/studio/uploads";
/** Films on their way at once; more wait. */
const AT_ONCE = 3;
/** For hours: a server that restarts, or a train in a tunnel, comes back. */
const DELAYS = [500, 1000, 2000, 4000, ...Array(2000).fill(8000)];
/** The speed is that of the last seconds. */
const WINDOW_MS = 4000;

/** @typedef {{ transfer: Transfer, file: File, replaces: string | undefined, upload: Upload | null, known: boolean, seen: [number, number][] }} Flight */

export class Uploader {
  /** @param {(transfer: Transfer) => void} tell */
  constructor(tell) {
    this.tell = tell;
    /** @type {Map<string, Flight>} */
    this.flights = new Map();
  }

  /**
   * @param {Iterable<File>} files
   * @param {string} [replaces] the title whose film this is from now on
   */
  add(files, replaces) {
    for (const file of files) {
      const key = [file.name, file.size, file.lastModified, replaces].filter(Boolean).join(":");
      const known = this.flights.get(key);
      if (known && ["sending", "waiting", "paused"].includes(known.transfer.state)) {
        if (known.transfer.state === "paused") this.resume(key);
        continue;
      }
      /** @type {Flight} */
      const flight = {
        file,
        replaces,
        upload: null,
        known: false,
        seen: [],
        transfer: {
          key,
          name: file.name,
          bytes: file.size,
          sent: 0,
          speed: 0,
          state: "waiting",
          fault: null,
          title: null,
        },
      };
      this.flights.set(key, flight);
      this.change(flight, {});
    }
    this.next();
  }

  /** Starts what waits for its turn. */
  next() {
    const flights = [...this.flights.values()];
    let flying = flights.filter((flight) => flight.transfer.state === "sending").length;
    for (const flight of flights) {
      if (flying >= AT_ONCE) return;
      if (flight.transfer.state !== "waiting") continue;
      flying += 1;
      void this.start(flight);
    }
  }

  /** @param {Flight} flight */
  async start(flight) {
    this.change(flight, { state: "sending", fault: null });
    const upload = (flight.upload ??= this.made(flight));
    // From before a reload, if this browser remembers one.
    const before = await upload.findPreviousUploads().catch(() => []);
    if (flight.transfer.state !== "sending") return;
    if (before[0] && !upload.url) upload.resumeFromPreviousUpload(before[0]);
    upload.start();
  }

  /** @param {Flight} flight */
  made(flight) {
    const { file } = flight;
    return new Upload(file, {
      endpoint: ENDPOINT,
      metadata: {
        filename: file.name,
        filetype: file.type,
        ...(flight.replaces ? { replaces: flight.replaces } : {}),
      },
      retryDelays: DELAYS,
      removeFingerprintOnSuccess: true,
      fingerprint: () => Promise.resolve(`satreel:${flight.transfer.key}`),
      onProgress: (sent) => this.progress(flight, sent),
      onShouldRetry: (error) => {
        const again = goesOn(
          error.originalRequest.getMethod(),
          error.originalResponse?.getStatus() ?? 0,
        );
        if (again) {
          flight.seen = [];
          this.change(flight, {
            speed: 0,
            fault: "The connection broke off. It goes on by itself.",
          });
        }
        return again;
      },
      onAfterResponse: (_, response) => {
        const title = response.getHeader("Satreel-Title");
        if (title) flight.transfer = { ...flight.transfer, title };
        if (response.getHeader("Satreel-Known")) flight.known = true;
      },
      onSuccess: () => {
        this.change(flight, {
          state: flight.known ? "known" : "done",
          fault: null,
          sent: file.size,
          speed: 0,
        });
        this.next();
      },
      onError: (error) => {
        const response = "originalResponse" in error ? error.originalResponse : null;
        this.change(flight, { state: "failed", speed: 0, fault: reason(response?.getBody()) });
        flight.upload = null;
        this.next();
      },
    });
  }

  /** @param {Flight} flight @param {number} sent */
  progress(flight, sent) {
    const now = Date.now();
    flight.seen.push([now, sent]);
    while ((flight.seen[0]?.[0] ?? now) < now - WINDOW_MS) flight.seen.shift();
    const [first, before] = flight.seen[0] ?? [now, sent];
    const speed = now > first ? ((sent - before) * 1000) / (now - first) : flight.transfer.speed;
    const state = flight.transfer.state === "paused" ? "paused" : "sending";
    this.change(flight, { sent, speed, state, fault: null });
  }

  /** @param {string} key */
  pause(key) {
    const flight = this.flights.get(key);
    if (!flight) return;
    void flight.upload?.abort();
    flight.seen = [];
    this.change(flight, { state: "paused", speed: 0, fault: null });
    this.next();
  }

  /** Goes on, or tries again what failed. @param {string} key */
  resume(key) {
    const flight = this.flights.get(key);
    if (!flight) return;
    this.change(flight, { state: "waiting", fault: null });
    this.next();
  }

  /** Gives it up; what arrived is dropped at the server too. @param {string} key */
  async cancel(key) {
    const flight = this.flights.get(key);
    if (!flight) return;
    this.flights.delete(key);
    // Gone by itself after some days if nobody answers now.
    await flight.upload?.abort(true).catch(() => {});
    this.next();
  }

  /** Is anything under way that leaving the page would hold up? */
  get busy() {
    return [...this.flights.values()].some(({ transfer }) =>
      ["sending", "waiting"].includes(transfer.state),
    );
  }

  /** @param {Flight} flight @param {Partial<Transfer>} change */
  change(flight, change) {
    flight.transfer = { ...flight.transfer, ...change };
    this.tell(flight.transfer);
  }
}

/**
 * Whether an upload goes on by itself after such an answer: it asks where it stands first.
 *
 * @param {string} method @param {number} status of the answer; 0 when none came
 */
export function goesOn(method, status) {
  // A browser sends a request that its server broke off once more by itself, and the first one's bytes
  // have moved the place where the upload stands.
  if (status === 409) return method === "PATCH";
  return status === 0 || status === 423 || (status >= 500 && status !== 507);
}

/** What the server said of it. @param {string | undefined} body */
function reason(body) {
  try {
    const { detail } = JSON.parse(body ?? "");
    if (typeof detail === "string" && detail) {
      return `${detail.slice(0, 1).toUpperCase()}${detail.slice(1)}.`;
    }
  } catch {
    // Not in words of ours.
  }
  return "The cinema did not take it.";
}
