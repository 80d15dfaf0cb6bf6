// @ts-check
// Films for tests of what lies beside a picture, made by ffmpeg.

import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ffmpeg = (/** @type {string[]} */ ...parts) => run("ffmpeg", ["-v", "error", "-y", ...parts]);

/** When the film's second half begins, in seconds; it lasts twice as long. */
export const HALF_S = 10;

/**
 * Two languages to hear (a low and a high tone) and two to read, two chapters.
 *
 * @param {string} folder @returns {Promise<string>} its path
 */
export async function richFilm(folder) {
  const file = (/** @type {string} */ name) => join(folder, name);
  const whole = 2 * HALF_S;
  const words = (/** @type {string[]} */ [first, second]) =>
    `1\n00:00:00,500 --> 00:00:0${HALF_S - 1},000\n${first}\n\n` +
    `2\n00:00:${HALF_S},500 --> 00:00:${whole - 1},000\n${second}\n`;
  const chapter = (/** @type {string} */ title, /** @type {number} */ from) =>
    `[CHAPTER]\nTIMEBASE=1/1\nSTART=${from}\nEND=${from + HALF_S}\ntitle=${title}\n`;
  await writeFile(file("en.srt"), words(["Good evening.", "Good night."]));
  await writeFile(file("de.srt"), words(["Guten Abend.", "Gute Nacht."]));
  await writeFile(
    file("parts"),
    `;FFMETADATA1\n${chapter("Arrival", 0)}${chapter("Départ & fin", HALF_S)}`,
  );
  await ffmpeg(
    ...["-f", "lavfi", "-i", `testsrc2=s=640x360:r=25:d=${whole}`],
    ...["-f", "lavfi", "-i", `sine=f=220:d=${whole}`, "-f", "lavfi", "-i", `sine=f=880:d=${whole}`],
    ...["-i", file("en.srt"), "-i", file("de.srt"), "-i", file("parts"), "-map_metadata", "5"],
    ...[0, 1, 2, 3, 4].flatMap((input) => ["-map", String(input)]),
    ...["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"],
    ...["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=deu"],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50"],
    ...["-c:a", "aac", "-c:s", "srt", file("film.mkv")],
  );
  return file("film.mkv");
}

/** Sound without a picture. @param {string} folder @returns {Promise<string>} its path */
export async function recording(folder) {
  const file = join(folder, "recording.flac");
  const tone = "aevalsrc='0.8*sin(2*PI*330*t)*abs(sin(t*0.7))*abs(sin(t*3))':s=48000:d=20";
  await ffmpeg("-f", "lavfi", "-i", tone, file);
  return file;
}

/** A picture as somebody may have it. @param {string} folder @returns {Promise<string>} its path */
export async function still(folder) {
  const file = join(folder, "own.png");
  const drawing = "mandelbrot=s=1600x900:end_scale=0.3";
  await ffmpeg("-f", "lavfi", "-i", drawing, "-frames:v", "1", file);
  return file;
}
