// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { inLanguage } from "../src/film/languages.js";
import { Sounds } from "../src/film/sounds.js";
import { parseCues } from "../src/film/vtt.js";

test("chapters and storyboards are read, what is damaged is left out", () => {
  const text =
    "WEBVTT\r\n\r\n00:00:00.000 --> 00:00:09.977\r\nArrival\r\n\r\nname\n01:00:01.500 --> 01:00:02.000 line:0\n" +
    "sprite-0.jpg#xywh=0,0,160,90\n\n00:05.000 --> 00:01.000\nbackwards\n\nnonsense\n";
  assert.deepEqual(parseCues(text), [
    { start: 0, end: 9.977, text: "Arrival" },
    { start: 3601.5, end: 3602, text: "sprite-0.jpg#xywh=0,0,160,90" },
  ]);
});

test("a language is found exactly, else by its first part", () => {
  const tracks = ["", "de-AT", "de", "en"].map((language) => ({ language }));
  assert.equal(inLanguage(tracks, "de")?.language, "de");
  assert.equal(inLanguage(tracks, "de-CH")?.language, "de-AT");
  assert.equal(inLanguage(tracks, "fr"), undefined);
});

test("one sound track is no choice; another one is told once", () => {
  const sounds = new Sounds();
  sounds.list([{ name: "English", lang: "en" }], 0);
  assert.deepEqual([...sounds], []);
  /** @type {unknown[]} */
  const told = [];
  sounds.onchoose = (...choice) => told.push(choice);
  sounds.list(
    [
      { name: "English", lang: "en" },
      { name: "Deutsch", lang: "de" },
    ],
    0,
  );
  for (const track of sounds) track.enabled = track.id === "1";
  for (const track of sounds) track.enabled = track.id === "1";
  assert.deepEqual(told, [[1, "de"]]);
  assert.deepEqual(
    [...sounds].map(({ enabled }) => enabled),
    [false, true],
  );
});
