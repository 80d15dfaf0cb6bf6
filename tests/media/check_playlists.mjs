#!/usr/bin/env node
// Reads a title's playlists with hls-parser and checks what must hold for every title.
//
// usage: node tests/media/check_playlists.mjs TITLE_FOLDER…
// hls-parser is looked for in the player's packages; NODE_PATH-like override: HLS_PARSER=folder.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = process.env.HLS_PARSER ?? join(here, "../../player/package.json");
const HLS = createRequire(packages)("hls-parser");

const AUDIO_FRAME = 1024 / 44100 + 0.002;
let faults = 0;

function must(holds, what) {
  if (!holds) {
    faults += 1;
    console.error(what);
  }
}

function startsOf(folder, uri) {
  const playlist = HLS.parse(readFileSync(join(folder, uri), "utf8"));
  must(!playlist.isMasterPlaylist && playlist.endlist, `${folder}/${uri}: not a finished playlist`);
  let at = 0;
  return playlist.segments.map((segment) => {
    const start = at;
    at += segment.duration;
    must(Math.round(segment.duration) <= playlist.targetDuration, `${folder}/${segment.uri}: too long`);
    must(existsSync(join(folder, segment.uri)), `${folder}/${segment.uri}: missing`);
    must(segment.map && existsSync(join(folder, segment.map.uri)), `${folder}/${uri}: no init segment`);
    return start;
  });
}

function check(folder) {
  const master = HLS.parse(readFileSync(join(folder, "master.m3u8"), "utf8"));
  must(master.isMasterPlaylist && master.independentSegments, `${folder}: no multivariant playlist`);
  must(master.variants.length >= 2, `${folder}: less than two variants`);
  const renditions = new Set();
  for (const variant of master.variants) {
    must(variant.codecs?.startsWith("avc1."), `${folder}: codecs ${variant.codecs}`);
    must(variant.resolution && variant.frameRate, `${folder}: no resolution or frame rate`);
    must(variant.bandwidth >= variant.averageBandwidth, `${folder}: bandwidths`);
    for (const rendition of variant.audio) renditions.add(rendition.uri);
  }
  const reference = startsOf(folder, master.variants[0].uri);
  for (const uri of [...master.variants.map((variant) => variant.uri), ...renditions]) {
    const slack = renditions.has(uri) ? AUDIO_FRAME : 1e-5;
    const starts = startsOf(folder, uri);
    must(starts.length === reference.length, `${folder}/${uri}: other number of segments`);
    must(
      starts.every((start, index) => Math.abs(start - reference[index]) <= slack),
      `${folder}/${uri}: not aligned`,
    );
  }
}

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error("usage: node tests/media/check_playlists.mjs TITLE_FOLDER…");
  process.exit(2);
}
HLS.setOptions({ strictMode: true });
folders.forEach(check);
process.exit(faults === 0 ? 0 : 1);
