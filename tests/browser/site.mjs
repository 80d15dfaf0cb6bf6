// @ts-check
// A whole cinema for a test: the real programs in a folder of their own, on a free port, with a film.
//
// SATREEL_BIN is the folder with the programs, SATREEL_SAMPLES the one with the sample films;
// SATREEL_FILM may name a film to use instead of the one that is made here.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { payments } from "../lnd/pair.mjs";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const bin = resolve(process.env.SATREEL_BIN ?? join(root, "bin"));
const shared = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "satreel");
const cache = join(shared, "test-films");
const samples = process.env.SATREEL_SAMPLES ?? join(shared, "samples");

/** Seconds that the free start is asked to last. */
export const PREVIEW_S = 4;
/** Long enough that a page's buffer does not hold all of it. */
const FILM_S = 40;

/**
 * A titles folder with one film, made once for each build of the transcoder.
 *
 * @returns {Promise<{ folder: string, id: string }>}
 */
async function preparedFilm() {
  const programs = ["satreel-transcoder", "satreel-worker"];
  const builds = await Promise.all(programs.map((program) => stat(join(bin, program))));
  const build = builds.map(({ mtimeMs, size }) => `${mtimeMs} ${size}`).join(" ");
  const key = createHash("sha256")
    .update(`${build} ${process.env.SATREEL_FILM ?? ""} ${FILM_S} ${PREVIEW_S}`)
    .digest("hex")
    .slice(0, 16);
  const folder = join(cache, key);
  const made = await readdir(join(folder, "titles")).catch(() => []);
  if (made[0]) return { folder, id: made[0] };

  await mkdir(cache, { recursive: true });
  const data = await mkdtemp(join(cache, "making-"));
  const id = await addFilm(data, process.env.SATREEL_FILM ?? (await testFilm(data)), {
    name: "The Test Film",
    preview: PREVIEW_S,
  });
  // Whole under its final name, or not at all.
  await rename(data, folder).catch(() => rm(data, { recursive: true }));
  return { folder, id };
}

/**
 * `satreel-transcoder add`, with the prices that the tests know.
 *
 * @param {string} data @param {string} film @param {{ name: string, preview: number }} settings
 * @returns {Promise<string>} its id
 */
async function addFilm(data, film, { name, preview }) {
  const { stdout } = await run(join(bin, "satreel-transcoder"), [
    ...["add", film, "--data", data, "--name", name],
    ...["--rent", "100", "--own", "3000", "--preview", String(preview)],
  ]);
  const id = stdout.trim().split(/\s+/).at(-1) ?? "";
  assert.match(id, /^[0-9a-f]{16}$/, `an id as the last word of: ${stdout}`);
  return id;
}

/**
 * Writes the configuration of a server that sells on a real node, or offers something of its own.
 *
 * @param {string} data @param {import("../lnd/pair.mjs").Pair | undefined} pair
 */
async function configured(data, pair, offers = "") {
  const path = join(data, "satreel.toml");
  const site = `[site]
name = "Satreel"
url = "http://127.0.0.1:1"
data = ${JSON.stringify(data)}
[server]
listen = "127.0.0.1:0"
`;
  const till = pair ? payments(pair.shop) : '[payments]\nbackend = "wallet"\n';
  await writeFile(path, site + till + offers);
  return path;
}

/** A clock that can be seen and a beep that can be heard. @param {string} folder */
async function testFilm(folder) {
  const film = join(folder, "film.mp4");
  await run("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", `testsrc2=s=640x360:r=25:d=${FILM_S}`],
    ...["-f", "lavfi", "-i", `sine=f=440:d=${FILM_S}`, "-c:v", "libx264", "-preset", "ultrafast"],
    ...["-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-shortest", film],
  ]);
  return film;
}

/** Runs the server until it serves. @param {string[]} command @param {string[]} log */
async function start(command, log) {
  const server = spawn(join(bin, "satreel"), command, { stdio: ["ignore", "ignore", "pipe"] });
  /** @type {Promise<void>} */
  const ended = new Promise((resolve) => server.once("exit", () => resolve()));
  /** @type {string} */
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: server.stderr }).on("line", (line) => {
      log.push(line);
      const address = line.match(/serving address=(\S+:\d+)/)?.[1];
      if (address) resolve(`http://${address}`);
    });
    void ended.then(() => reject(new Error(`the server ended early:\n${log.join("\n")}`)));
  });
  return { server, ended, url };
}

/** @typedef {Awaited<ReturnType<typeof openSite>>} Site */

/**
 * Starts a cinema. `film: false` starts it empty; with a `pair` of nodes it sells for their money,
 * else for the demo's. `offers` is that section of its configuration.
 *
 * @param {{ film?: boolean, pair?: import("../lnd/pair.mjs").Pair, offers?: string }} [options]
 */
export async function openSite({ film = true, pair, offers } = {}) {
  const data = await mkdtemp(join(tmpdir(), "satreel-browser-"));
  const clock = join(data, "clock");
  await writeFile(clock, "0");
  let id = "";
  if (film) {
    const prepared = await preparedFilm();
    id = prepared.id;
    await cp(join(prepared.folder, "titles"), join(data, "titles"), {
      recursive: true,
    });
  }
  const command =
    pair || offers
      ? ["serve", "--config", await configured(data, pair, offers)]
      : [
          "demo",
          ...["--data", data, "--listen", "127.0.0.1:0", "--live", "127.0.0.1:0"],
          ...["--clock", clock, "--no-samples"],
        ];
  /** @type {string[]} */
  const log = [];
  let { server, ended, url } = await start(command, log);

  return {
    /** @type {string} */
    url,
    id,
    data,
    log,
    filmUrl: `${url}/w/${id}`,

    /** The server's clock runs ahead by this much. @param {number} seconds */
    async setClock(seconds) {
      await writeFile(clock, String(seconds));
    },

    /** Adds one of the sample films while the cinema is open. @param {string} file @param {{ name: string, preview: number }} settings */
    add: (file, settings) => addFilm(data, join(samples, file), settings),

    /** Adds a film from anywhere, with what lies beside it. @param {string} path @param {{ name: string, preview: number }} settings */
    addFrom: (path, settings) => addFilm(data, path, settings),

    /** Edits the film's title.json as its owner would. @param {Record<string, unknown>} changes */
    async editTitle(changes) {
      const path = join(data, "titles", id, "title.json");
      const before = await readFile(path, "utf8");
      await writeFile(`${path}.new`, JSON.stringify({ ...JSON.parse(before), ...changes }));
      await rename(`${path}.new`, path);
      return () => writeFile(path, before);
    },

    /** A link that opens the studio, once. */
    async studioLink() {
      const { stdout } = await run(join(bin, "satreel"), ["studio-link", "--data", data]);
      return stdout.trim();
    },

    /** A job of the film, as the transcoder would tell of it. @param {Record<string, unknown>} job */
    async writeJob(job) {
      const folder = join(data, "jobs");
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${id}.json`);
      await writeFile(`${file}.new`, JSON.stringify({ id, name: "The Test Film", ...job }));
      await rename(`${file}.new`, file);
    },

    /** What was asked of jobs. @returns {Promise<string[]>} */
    async wishes() {
      const folder = join(data, "jobs", "asked");
      const files = await readdir(folder);
      const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
      return texts.map((text) => JSON.parse(text).do);
    },

    /** kill -9, and the same demo again at the same address. */
    async restart() {
      server.kill("SIGKILL");
      await ended;
      const { host } = new URL(url);
      const again = command.map((part, at) => (command[at - 1] === "--listen" ? host : part));
      ({ server, ended, url } = await start(again, log));
    },

    /** Pays as a person at another device would. @param {string} request */
    async pay(request) {
      if (pair) return void (await pair.pay(request));
      await run(join(bin, "satreel"), ["pay", request, "--data", data]);
    },

    /** Pays from outside the browser, any amount. @param {string} payment_request @param {number} [amount_sat] */
    async payQuickly(payment_request, amount_sat) {
      const response = await fetch(`${url}/wallet/pay`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ payment_request, amount_sat }),
      });
      assert.equal(response.status, 200, await response.clone().text());
      return /** @type {Promise<{ preimage: string, amount_sat: number }>} */ (response.json());
    },

    /** @param {string} path @param {unknown} body */
    async post(path, body) {
      const response = await fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    },

    /** A purchase made without a browser. @param {string} tier */
    async buy(tier) {
      const order = (await this.post("/api/orders", { title: id, tier })).body;
      const { preimage } = await this.payQuickly(order.payment_request);
      const access = (await this.post("/api/tokens", { ticket: order.ticket })).body;
      return { order, preimage, access };
    },

    async close() {
      server.kill("SIGTERM");
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };
}
