#!/usr/bin/env python3
"""Reads a title's playlists with the m3u8 package and checks what must hold for every title.

usage: tests/media/check_playlists.py TITLE_FOLDER…      exits 1 at the first title with a fault
"""

import sys
from pathlib import Path

import m3u8

AUDIO_FRAME = 1024 / 44100 + 0.002


def check(folder):
    faults = []

    def must(holds, what):
        if not holds:
            faults.append(what)

    master = m3u8.loads((folder / "master.m3u8").read_text())
    must(master.is_variant and master.is_independent_segments, "not a multivariant playlist")
    must(len(master.playlists) >= 2, "less than two variants")
    uris = []
    for variant in master.playlists:
        info = variant.stream_info
        uris.append(variant.uri)
        must(info.codecs and info.codecs.startswith("avc1."), f"{variant.uri}: codecs {info.codecs}")
        must(info.resolution and info.frame_rate, f"{variant.uri}: no resolution or frame rate")
        must(info.bandwidth >= (info.average_bandwidth or 0) > 0, f"{variant.uri}: bandwidths")
        if master.media:
            must("mp4a.40." in info.codecs and info.audio, f"{variant.uri}: no sound")
    renditions = [medium.uri for medium in master.media]
    must(sum(medium.default == "YES" for medium in master.media) == bool(renditions),
         "one rendition is to be the default")
    reference = None
    for uri in uris + renditions:
        playlist = m3u8.loads((folder / uri).read_text())
        must(playlist.is_endlist and playlist.playlist_type == "vod", f"{uri}: not finished")
        must(str(playlist.version) == "7", f"{uri}: version {playlist.version}")
        starts, at = [], 0.0
        for segment in playlist.segments:
            starts.append(at)
            at += segment.duration
            must(round(segment.duration) <= playlist.target_duration, f"{uri}: {segment.uri} too long")
            must((folder / segment.uri).is_file(), f"{uri}: {segment.uri} is missing")
            must(segment.init_section and (folder / segment.init_section.uri).is_file(),
                 f"{uri}: no init segment")
        reference = reference or starts
        slack = AUDIO_FRAME if uri in renditions else 1e-5
        must(len(starts) == len(reference), f"{uri}: {len(starts)} segments, not {len(reference)}")
        must(all(abs(a - b) <= slack for a, b in zip(starts, reference)), f"{uri}: not aligned")
    return faults


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    bad = False
    for folder in map(Path, sys.argv[1:]):
        for fault in check(folder):
            bad = True
            print(f"{folder}: {fault}", file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
