// @ts-check
// Titles without a transcoder: what the server reads of them, with contents of a chosen size.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const FILM = "00ff10a9bcdef012";

/**
 * Writes `title.json` and gives the title's folder.
 *
 * @param {string} data
 * @param {string} id
 * @param {Record<string, unknown>} more
 */
export function writeTitle(data, id, more) {
  const folder = join(data, "titles", id);
  mkdirSync(folder, { recursive: true });
  const title = {
    state: "published",
    created_at: "2026-01-01T00:00:00Z",
    tiers: [
      { tier: "rent", sat: 100, hours: 24 },
      { tier: "own", sat: 3000 },
    ],
    ...more,
  };
  writeFileSync(join(folder, "title.json"), JSON.stringify(title, null, 2));
  return folder;
}

const WORDS = (
  "a light house keeper and her daughter find the last reel of film that was thought lost in " +
  "winter when old harbour town sleeps under snow while strangers ask about its price"
).split(" ");

/** Titles as a large site has them, each with its own words. @param {string} data @param {number} count */
export function writeLibrary(data, count) {
  for (let number = 0; number < count; number++) {
    const random = createHash("sha512").update(`title ${number}`).digest();
    let description = "";
    for (let at = 0; description.length < 300; at++) {
      description += `${WORDS[(random[at % 64] ?? 0) % WORDS.length]} `;
    }
    writeTitle(data, random.toString("hex", 0, 8), {
      name: `Film number ${number}`,
      description: description.trim(),
      tags: [WORDS[(random[9] ?? 0) % WORDS.length], "film"],
      year: 1920 + (number % 100),
      preview_s: 60,
      duration_s: 3600 + number / 8,
      ...{ width: 1280, height: 720 },
    });
  }
}

/** The files that are asked for: a playlist of about 1.2 KB, segments of 64 KB and 1 MB. */
export const FILES = {
  playlist: "v720.m3u8",
  small: "v720-0.m4s",
  large: "v720-1.m4s",
};

/** One film for sale, with one variant. @param {string} data */
export function writeFilm(data) {
  const folder = writeTitle(data, FILM, { name: "The Film", preview_s: 4, duration_s: 210 });
  const segments = Array.from(
    { length: 35 },
    (_, number) => `#EXTINF:6.00000,\nv720-${number}.m4s\n`,
  );
  writeFileSync(
    join(folder, "master.m3u8"),
    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n" +
      '#EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS="avc1.64001f"\nv720.m3u8\n',
  );
  writeFileSync(
    join(folder, FILES.playlist),
    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n" +
      "#EXT-X-INDEPENDENT-SEGMENTS\n" +
      `#EXT-X-MAP:URI="v720-init.mp4"\n${segments.join("")}#EXT-X-ENDLIST\n`,
  );
  writeFileSync(join(folder, FILES.small), noise(64 << 10));
  writeFileSync(join(folder, FILES.large), noise(1 << 20));
  return folder;
}

/** @param {number} bytes */
function noise(bytes) {
  const block = createHash("sha512").update("noise").digest();
  return Buffer.alloc(bytes, block);
}
