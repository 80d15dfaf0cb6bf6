// @ts-check
// The transcoder beside one ffmpeg command that makes the same rungs with the same settings, in
// turns: time, CPU, memory, and that quality and bytes are the same; how soon the film can be watched.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { atMost, decimal, median } from "./table.mjs";

/** @import { Row } from "./table.mjs" */
/** @typedef {{ wall_s: number, cpu_s: number, peak_mb: number, seen_s: number | null }} Used */
/** @typedef {{ name: string, width: number, height: number, action: string, max_rate?: number }} Rung */

const ROUNDS = 5;
const SECONDS = 12;
const bin = join(process.env["SATREEL_BIN"] ?? "bin", "satreel-transcoder");
const script = join(import.meta.dirname, "measure.py");

/** @param {string} seen @param {string[]} command @returns {Used} */
const measure = (seen, command) =>
  JSON.parse(execFileSync("python3", [script, seen, ...command], { encoding: "utf8" }));

/** A film of moving texture, with keyframes so far apart. @param {string} path @param {number} keys */
function makeFilm(path, keys) {
  execFileSync("ffmpeg", [
    ...["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"],
    "mandelbrot=size=1920x1080:rate=30:end_scale=0.03,noise=alls=8:allf=t,format=yuv420p",
    ...["-f", "lavfi", "-i", "anoisesrc=a=0.1:r=48000", "-t", String(SECONDS)],
    ...["-c:v", "libx264", "-preset", "veryfast", "-b:v", "8M", "-profile:v", "high"],
    ...["-x264-params", `keyint=${keys}:min-keyint=${keys}:scenecut=0:open-gop=0`],
    ...["-c:a", "aac", "-b:a", "128k", "-ac", "2", path],
  ]);
}

/** @param {string} film @returns {Rung[]} */
const rungsOf = (film) =>
  JSON.parse(execFileSync(bin, ["inspect", film, "--json"], { encoding: "utf8" })).rungs;

/** The same rungs by one command. @param {string} film @param {Rung[]} rungs @param {string} out */
function ffmpeg(film, rungs, out) {
  const encoded = rungs.filter(({ action }) => action === "encode");
  const split = `[0:v]split=${encoded.length}${encoded.map((_, i) => `[s${i}]`).join("")}`;
  const scales = encoded.map(
    ({ width, height }, i) => `[s${i}]scale=${width}:${height}:flags=bicubic[v${i}]`,
  );
  let next = 0;
  const outputs = rungs.flatMap(({ action, max_rate = 0 }, index) => {
    if (action === "copy") return ["-map", "0:v", `-c:v:${index}`, "copy"];
    const rate = [`-maxrate:v:${index}`, `${max_rate}`, `-bufsize:v:${index}`, `${max_rate * 1.5}`];
    const codec = [`-c:v:${index}`, "libx264", `-profile:v:${index}`, "high"];
    return ["-map", `[v${next++}]`, ...codec, ...rate];
  });
  return [
    ...["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", film],
    ...["-filter_complex", [split, ...scales].join(";"), ...outputs, "-map", "0:a", "-c:a", "copy"],
    ...["-preset", "veryfast", "-crf", "23"],
    ...["-x264-params", "scenecut=0:open-gop=0:keyint=60:min-keyint=60"],
    ...["-f", "hls", "-hls_time", "2", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"],
    ...["-hls_flags", "independent_segments", "-master_pl_name", "master.m3u8"],
    ...["-var_stream_map", [...rungs.map((_, i) => `v:${i},agroup:a`), "a:0,agroup:a"].join(" ")],
    ...["-hls_segment_filename", join(out, "%v-%d.m4s"), join(out, "%v.m3u8")],
  ];
}

/** How like the film a rung is, from 0 to 1. @param {string} film @param {string} playlist @param {Rung} rung */
function ssim(film, playlist, { width, height }) {
  const filter = `[1:v]scale=${width}:${height}:flags=bicubic[r];[0:v][r]ssim=stats_file=-`;
  const told = execFileSync(
    "ffmpeg",
    ["-nostdin", "-v", "error", "-i", playlist, "-i", film, "-lavfi", filter, "-f", "null", "-"],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  const values = [...told.matchAll(/All:([\d.]+)/g)].map(([, value]) => Number(value));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @param {string} folder @param {RegExp} name */
const bytes = (folder, name) =>
  readdirSync(folder)
    .filter((file) => name.test(file))
    .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

/** @typedef {{ wall?: number, whole?: number, cpu?: number, memory?: number, playable: number }} Goals */

/**
 * @param {string} folder @param {string} film @param {string} what @param {Goals} goals
 * @param {Rung[]} [whole] the same rungs, all of them to be encoded
 */
function compare(folder, film, what, goals, whole) {
  const rungs = rungsOf(film);
  const id = createHash("sha256").update(readFileSync(film)).digest("hex").slice(0, 16);
  const [data, out] = [join(folder, "ours"), join(folder, "theirs")];
  const title = join(data, "titles", id);
  /** @type {Used[]} */
  const ours = [];
  /** @type {Used[]} */
  const theirs = [];
  /** @type {Used[]} */
  const theirWhole = [];
  for (let round = 0; round < ROUNDS; round++) {
    rmSync(data, { recursive: true, force: true });
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    ours.push(measure(join(title, "master.m3u8"), [bin, "add", film, "--data", data]));
    if (whole) {
      theirWhole.push(measure("-", ffmpeg(film, whole, out)));
      rmSync(out, { recursive: true });
      mkdirSync(out);
    }
    theirs.push(measure(join(out, "master.m3u8"), ffmpeg(film, rungs, out)));
  }
  const of = (/** @type {Used[]} */ list, /** @type {keyof Used} */ key) =>
    median(list.map((used) => used[key] ?? Infinity));
  const ratio = (/** @type {keyof Used} */ key) => of(ours, key) / of(theirs, key);
  const note = (/** @type {keyof Used} */ key, /** @type {string} */ unit) =>
    `${decimal(of(ours, key), 2)} and ${decimal(of(theirs, key), 2)} ${unit}`;
  const last = rungs.length - 1;
  const rung = /** @type {Rung} */ (rungs[last]);
  const likeness = ssim(film, join(title, `${rung.name}.m3u8`), rung);
  const their = ssim(film, join(out, `${last}.m3u8`), rung);
  const size = bytes(title, /^v\d+-\d+\.m4s$/) / bytes(out, /^\d+-\d+\.m4s$/);
  const same = `SSIM of the smallest ${decimal(likeness, 4)} and ${decimal(their, 4)}`;
  const besideWhole = () => {
    const [mine, other] = [of(ours, "wall_s"), of(theirWhole, "wall_s")];
    return atMost(`${what}: wall beside ffmpeg encoding all`, mine / other, "×", {
      ...(goals.whole === undefined ? {} : { goal: goals.whole }),
      digits: 2,
      note: `${decimal(mine, 2)} and ${decimal(other, 2)} s`,
    });
  };
  return [
    ...(whole ? [besideWhole()] : []),
    atMost(`${what}: wall beside ffmpeg`, ratio("wall_s"), "×", {
      ...(goals.wall === undefined ? {} : { goal: goals.wall }),
      digits: 2,
      note: note("wall_s", "s"),
    }),
    atMost(`${what}: CPU beside ffmpeg`, ratio("cpu_s"), "×", {
      ...(goals.cpu === undefined ? {} : { goal: goals.cpu }),
      digits: 2,
      note: note("cpu_s", "s"),
    }),
    atMost(`${what}: memory beside ffmpeg`, ratio("peak_mb"), "×", {
      ...(goals.memory === undefined ? {} : { goal: goals.memory }),
      digits: 2,
      note: note("peak_mb", "MB"),
    }),
    atMost(`${what}: bytes beside ffmpeg`, size, "×", { digits: 2, note: same }),
    atMost(`${what}: first playable`, of(ours, "seen_s") * 1000, "ms", {
      goal: goals.playable,
      digits: 0,
      note: `ffmpeg ${decimal(of(theirs, "seen_s"), 2)} s`,
    }),
  ];
}

/** What a worker's confinement costs. @param {string} film */
function confinement(film) {
  const bench = ["--bench", "sandbox", "--features", "unconfined", "--", film, String(ROUNDS)];
  const told = execFileSync(
    "cargo",
    ["bench", "-q", "--locked", "-p", "satreel-worker", ...bench],
    {
      encoding: "utf8",
    },
  );
  const { confined, open } = JSON.parse(told.trim().split("\n").at(-1) ?? "");
  const more = (/** @type {string} */ key) => (confined[key] / open[key] - 1) * 100;
  return [
    atMost("confinement: more CPU", more("cpu_s"), "%", {
      goal: 1,
      note: `${decimal(confined.cpu_s, 2)} and ${decimal(open.cpu_s, 2)} s`,
    }),
    atMost("confinement: more time", more("wall_s"), "%", {
      goal: 1,
      note: `${decimal(confined.wall_s, 2)} and ${decimal(open.wall_s, 2)} s`,
    }),
  ];
}

/** A film of so many minutes, small and quickly made. @param {string} path @param {number} minutes */
function makeLong(path, minutes) {
  execFileSync("ffmpeg", [
    ...["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"],
    ...["-f", "lavfi", "-i", "sine=f=440:r=48000", "-t", String(minutes * 60)],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-g", "250", "-c:a", "aac", path],
  ]);
}

/** How memory grows with a film's length. @param {string} folder */
function length(folder) {
  const [one, sixty] = [1, 60].map((minutes) => {
    const film = join(folder, `minutes-${minutes}.mp4`);
    makeLong(film, minutes);
    const data = join(folder, `long-${minutes}`);
    const used = measure("-", [bin, "add", film, "--data", data]);
    rmSync(data, { recursive: true });
    rmSync(film);
    return used.peak_mb;
  });
  return atMost("memory of 60 minutes beside 1", (sixty ?? NaN) / (one ?? NaN), "×", {
    goal: 1.1,
    digits: 2,
    note: `${decimal(sixty ?? NaN)} and ${decimal(one ?? NaN)} MB`,
  });
}

/** @param {string} folder @returns {Promise<Row[]>} */
export async function transcoder(folder) {
  const [copied, encoded] = [join(folder, "copied.mp4"), join(folder, "encoded.mp4")];
  makeFilm(copied, 60);
  makeFilm(encoded, 300);
  const looks = Array.from({ length: ROUNDS }, () => measure("-", [bin, "inspect", copied]));
  return [
    ...compare(folder, encoded, "all rungs encoded", {
      wall: 0.9,
      cpu: 0.95,
      memory: 0.95,
      playable: 500,
    }),
    ...compare(folder, copied, "top rung copied", { whole: 0.5, playable: 150 }, rungsOf(encoded)),
    atMost("inspect", median(looks.map(({ wall_s }) => wall_s * 1000)), "ms", {
      goal: 50,
      digits: 0,
    }),
    ...confinement(encoded),
    length(folder),
  ];
}
