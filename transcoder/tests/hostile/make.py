#!/usr/bin/env python3
"""Makes the hostile set: files that nobody should trust, the same ones every time.

Usage: make.py FOLDER SECRET

SECRET is a film that none of the files may get at; some of them point to it. Prints one line of
JSON a file: {"name", "wanted"}. `wanted` is "film" (a correct title comes of it), "refused" (with
words), or "either" (whatever happens has to be one of the two).
"""

import json
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

FOLDER, SECRET = Path(sys.argv[1]), Path(sys.argv[2])
PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25"]
SOUND = ["-f", "lavfi", "-i", "sine=r=48000"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"]
EXACT = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]


def ffmpeg(name, *arguments):
    path = FOLDER / f".{name}"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, *EXACT, "-threads", "1", str(path)]
    subprocess.run(command, check=True)
    data = path.read_bytes()
    path.unlink()
    return data


def put(name, data, wanted):
    name = os.fsencode(name) if isinstance(name, str) else name
    with open(os.path.join(os.fsencode(FOLDER), name), "wb") as file:
        file.write(data)
    print(json.dumps({"name": list(name), "wanted": wanted}))


# --- MP4: boxes found, changed and put back with sizes that fit -------------------------------

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta"}


def box(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind, body):
    return box(kind, b"\0\0\0\0" + body)


def boxes(data):
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def rewrite(data, change):
    """Every box through `change(kind, body) -> bytes of boxes, or None for as it is`, inner ones first."""
    out = b""
    for kind, body in boxes(data):
        if kind in CONTAINERS:
            body = rewrite(body, change)
        made = change(kind, body)
        out += box(kind, body) if made is None else made
    return out


def changed(data, wanted_kind, change):
    return rewrite(data, lambda kind, body: change(body) if kind == wanted_kind else None)


def entries(kind, count, body):
    return full(kind, struct.pack(">I", count) + body)


# --- Matroska: elements written by hand --------------------------------------------------------


def element(identity, body, size=None):
    size = len(body) if size is None else size
    return bytes.fromhex(identity) + struct.pack(">Q", size | 1 << 56) + body


def number(identity, value):
    return element(identity, struct.pack(">Q", value))


EBML = element(
    "1A45DFA3",
    number("4286", 1) + number("42F7", 1) + number("42F2", 4) + number("42F3", 8)
    + element("4282", b"matroska") + number("4287", 4) + number("4285", 2),
)
INFO = element("1549A966", number("2AD7B1", 1_000_000) + element("4D80", b"x") + element("5741", b"x"))


def track(index, width=160, height=120, codec=b"V_UNCOMPRESSED", more=b""):
    shape = number("B0", width) + number("BA", height) + element("2EB524", b"I420")
    return element(
        "AE",
        number("D7", index) + number("73C5", index) + number("83", 1) + element("86", codec)
        + element("E0", shape) + more,
    )


def matroska(tracks, cluster=b"", more=b""):
    return EBML + element("18538067", INFO + more + element("1654AE6B", tracks) + cluster)


def cluster(frames):
    blocks = b"".join(element("A3", b"\x81" + struct.pack(">hB", at, 0x80) + data) for at, data in frames)
    return element("1F43B675", number("E7", 0) + blocks)


GREY = b"\x80" * (160 * 120 * 3 // 2)


# --- the set -----------------------------------------------------------------------------------


def lists():
    """Playlists and references under a film's name."""
    target = str(SECRET).encode()
    head = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n"
    put("playlist.mp4", head + target + b"\n#EXT-X-ENDLIST\n", "refused")
    put("playlist-mark.mp4", b"\xef\xbb\xbf \n\t" + head + b"file://" + target + b"\n", "refused")
    put("playlist-of-itself.mkv", head + b"playlist-of-itself.mkv\n", "refused")
    put("playlist-key.ts", b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="file://' + target + b'"\n' + head + b"x\n", "refused")
    put("concat.mkv", b"ffconcat version 1.0\nfile " + target + b"\n", "refused")
    put("concat-plain.avi", b"file '" + target + b"'\n", "refused")
    put("manifest.mp4", b'<?xml version="1.0"?><MPD><BaseURL>' + target + b"</BaseURL></MPD>", "refused")
    put("session.avi", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=video 9 RTP/AVP 96\r\n", "refused")
    put("list.flv", b"[playlist]\nFile1=" + target + b"\n", "refused")
    put("subtitles.mp4", b"1\n00:00:00,000 --> 00:00:09,000\nhello\n", "refused")
    put("behind-a-head.mp4", box(b"ftyp", b"isom\0\0\0\0isom") + head + target + b"\n", "refused")
    put("image-sequence-%03d.mp4", b"\x89PNG\r\n\x1a\n" + bytes(64), "refused")
    link = entries(b"dref", 1, box(b"url ", b"\0\0\0\0file://" + target + b"\0"))
    put("reference.mp4", changed(MP4, b"dref", lambda body: link), "film")
    alias = bytearray(150)
    alias[0:2] = struct.pack(">H", 150)
    path = target[:200]
    alias = bytes(alias) + struct.pack(">hH", 18, len(path)) + path + struct.pack(">hH", -1, 0)
    link = entries(b"dref", 1, box(b"alis", b"\0\0\0\0" + alias))
    put("alias.mov", changed(MP4, b"dref", lambda body: link), "film")


def ends():
    """Cut, empty, endless."""
    put("empty.mp4", b"", "refused")
    put("one-byte.mkv", b"\x1a", "refused")
    put("cut-in-moov.mp4", FAST[: FAST.index(b"stbl") + 40], "refused")
    put("cut-in-mdat.mp4", FAST[: len(FAST) // 2], "refused")
    put("no-moov.mp4", MP4[: MP4.rindex(b"moov") - 4], "refused")
    put("no-mdat.mp4", b"".join(box(kind, body) for kind, body in boxes(MP4) if kind != b"mdat"), "refused")
    put("cut.mkv", MKV[: len(MKV) // 2], "either")
    put("cut.avi", AVI[: len(AVI) // 2], "either")
    put("cut.ts", TS[: len(TS) // 2 + 77], "either")
    put("endless-box.mp4", box(b"ftyp", b"isom\0\0\0\0isom") + struct.pack(">I4sQ", 1, b"moov", 1 << 62) + bytes(5000), "refused")
    put("endless-mdat.mp4", box(b"ftyp", b"isom\0\0\0\0isom") + struct.pack(">I4sQ", 1, b"mdat", (1 << 63) - 1) + bytes(5000), "refused")
    put("endless-void.mkv", EBML + element("18538067", element("EC", b"", (1 << 55) - 1), (1 << 56) - 1), "refused")
    put("endless-block.mkv", matroska(track(1), element("1F43B675", number("E7", 0) + element("A3", b"\x81\0\0\x80", 1 << 40))), "refused")
    put("only-padding.ts", b"".join(b"\x47\x1f\xff\x10" + bytes(184) for _ in range(3000)), "refused")
    put("only-sync.ts", (b"\x47" + bytes(187)) * 3000, "refused")
    put("no-frames.mkv", matroska(track(1)), "refused")
    put("one-frame.mkv", matroska(track(1), cluster([(0, GREY)])), "either")


def shapes():
    """Sizes and numbers beyond reason."""

    def in_sample_entry(body):
        head, entry = body[:8], bytearray(body[8:])
        entry[32:36] = b"\xff\xff\xff\xff"
        return box(b"stsd", head + bytes(entry))

    put("huge-entry.mp4", changed(MP4, b"stsd", lambda body: in_sample_entry(body) if b"avc1" in body else None), "either")
    put("huge-matrix.mp4", changed(MP4, b"tkhd", lambda body: box(b"tkhd", body[:-8] + b"\xff" * 8)), "either")
    put("huge.mkv", matroska(track(1, 65535, 65535), cluster([(0, b"x")])), "refused")
    put("huger.mkv", matroska(track(1, 1 << 40, 1 << 40), cluster([(0, b"x")])), "refused")
    put("no-size.mkv", matroska(track(1, 0, 0), cluster([(0, b"x"), (40, b"x")])), "refused")
    frame = JPEG.index(b"\xff\xc0")
    put("huge-frames.avi", resized(JPEG, frame + 5, b"\xff\xff\xff\xff"), "either")
    at = AVI.index(b"strf") + 8
    put("huge-head.avi", AVI[: at + 4] + b"\xff\xff\xff\x7f\xff\xff\xff\x7f" + AVI[at + 12 :], "either")
    put("wide.mov", ffmpeg("wide.mov", "-f", "lavfi", "-i", "color=size=16000x4000:rate=1", "-frames:v", "1", "-c:v", "png"), "refused")
    put("thin.mkv", matroska(track(1, 2, 16000), cluster([(at * 40, bytes(2 * 16000 * 3 // 2)) for at in range(3)])), "either")
    put("one-pixel.mkv", matroska(track(1, 1, 1), cluster([(at * 40, bytes(3)) for at in range(25)])), "either")
    put("2000-tracks.mkv", matroska(b"".join(track(n) for n in range(1, 2001)), cluster([(0, GREY), (40, GREY)])), "refused")

    def many(body):
        tracks = [inner for kind, inner in boxes(body) if kind == b"trak"]
        others = b"".join(box(kind, inner) for kind, inner in boxes(body) if kind != b"trak")
        return box(b"moov", others + b"".join(box(b"trak", tracks[0]) for _ in range(1500)))

    put("1500-tracks.mp4", changed(MP4, b"moov", many), "refused")
    put("4000-programs.ts", programs(TS), "either")
    put("samples.mp4", changed(MP4, b"stsz", lambda body: full(b"stsz", struct.pack(">II", 0, 0xFFFFFFFF) + body[12:])), "refused")
    put("samples-of-a-size.mp4", changed(MP4, b"stsz", lambda body: full(b"stsz", struct.pack(">II", 1, 0x0FFFFFFF))), "refused")
    put("chunks.mp4", changed(MP4, b"stco", lambda body: entries(b"stco", 0x3FFFFFFF, body[8:])), "refused")
    put("offsets.mp4", changed(MP4, b"stco", lambda body: body[:8] and entries(b"stco", struct.unpack_from(">I", body, 4)[0], b"\xff" * (len(body) - 8))), "refused")
    deep = b""
    for _ in range(20_000):
        deep = struct.pack(">I4s", 8 + len(deep), b"moov") + deep
    put("nested.mp4", box(b"ftyp", b"isom\0\0\0\0isom") + deep, "refused")
    deep = b""
    for _ in range(5_000):
        deep = element("A0", deep)
    put("nested.mkv", matroska(track(1), element("1F43B675", number("E7", 0) + deep)), "refused")


def resized(film, at, size):
    return film[:at] + size + film[at + len(size) :]


def programs(film):
    """A program table for 4000 streams before a film's own."""

    def section(table, body):
        body = struct.pack(">BH", table, 0xB000 | len(body) + 4) + body
        check = 0xFFFFFFFF
        for byte in body:
            check ^= byte << 24
            for _ in range(8):
                check = (check << 1 ^ 0x04C11DB7 if check & 1 << 31 else check << 1) & 0xFFFFFFFF
        return body + struct.pack(">I", check)

    packets = b""
    for number_ in range(80):
        pid = 0x400 + number_
        streams = b"".join(struct.pack(">BHH", 0x1B, 0xE000 | 0x500 + number_ * 50 + n, 0xF000) for n in range(30))
        pat = section(0, struct.pack(">HBBBHH", 1, 0xC1, 0, 0, number_ + 1, 0xE000 | pid))
        pmt = section(2, struct.pack(">HBBBHH", number_ + 1, 0xC1, 0, 0, 0xE100, 0xF000) + streams)
        for where, content in ((0, pat), (pid, pmt)):
            packets += (struct.pack(">BHBB", 0x47, 0x4000 | where, 0x10, 0) + content).ljust(188, b"\xff")
    return packets + film


def times():
    """Clocks that jump, stand, wrap and lie."""
    put("all-at-once.mkv", matroska(track(1), cluster([(0, GREY)] * 60)), "either")
    put("backwards.mkv", matroska(track(1), cluster([(2000 - at * 40, GREY) for at in range(50)])), "either")
    put("one-each-hour.mkv", matroska(track(1), b"".join(
        element("1F43B675", number("E7", hour * 3_600_000) + element("A3", b"\x81\0\0\x80" + GREY)) for hour in range(40))), "refused")
    put("far-future.mkv", matroska(track(1), element("1F43B675", number("E7", 1 << 62) + element("A3", b"\x81\0\0\x80" + GREY))), "either")
    put("twice.ts", TS + TS, "either")
    put("wraps.ts", ffmpeg("wraps.ts", *PICTURE, *SOUND, "-t", "2", *X264, "-c:a", "aac", "-output_ts_offset", "95442.7", "-muxdelay", "0"), "either")
    put("no-time.mp4", changed(MP4, b"stts", lambda body: entries(b"stts", 1, struct.pack(">II", 50, 0))), "either")
    put("slow-time.mp4", changed(MP4, b"stts", lambda body: entries(b"stts", 1, struct.pack(">II", 50, 0xFFFFFFFF))), "either")
    put("wild-order.mp4", changed(MP4, b"stts", lambda body: box(b"stts", body) + entries(b"ctts", 1, struct.pack(">Ii", 50, -(1 << 31)))), "either")
    put("no-clock.mp4", changed(MP4, b"mdhd", lambda body: box(b"mdhd", body[:12] + bytes(4) + body[16:])), "either")
    put("edits.mp4", changed(MP4, b"elst", lambda body: entries(b"elst", 20_000, struct.pack(">IiI", 1, 0, 1 << 16) * 20_000)), "either")
    put("far-edit.mp4", changed(MP4, b"elst", lambda body: entries(b"elst", 1, struct.pack(">IiI", 0xFFFFFFFF, 0x7FFFFFFF, 1 << 16))), "either")
    at = FLV.index(b"\x09", 9 + 4)
    put("jump.flv", FLV[: at + 4] + b"\xff\xff\xff\xff" + FLV[at + 8 :], "either")


def streams():
    """Films that change on the way."""
    small = ffmpeg("s.ts", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-t", "1", *X264, "-muxdelay", "0")
    large = ffmpeg("l.ts", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-t", "1", *X264, "-muxdelay", "0", "-output_ts_offset", "1")
    other = ffmpeg("o.ts", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25", "-t", "1", "-c:v", "mpeg2video", "-muxdelay", "0", "-output_ts_offset", "1")
    put("grows.ts", small + large, "either")
    put("shrinks.ts", large + small, "either")
    put("changes-codec.ts", small + other, "either")
    put("no-parameters.mp4", changed(MP4, b"stsd", lambda body: box(b"stsd", body.replace(b"avcC", b"free"))), "either")
    put("wrong-codec.mp4", changed(MP4, b"stsd", lambda body: box(b"stsd", body.replace(b"avc1", b"hvc1"))), "either")
    put("unknown-codec.mp4", changed(MP4, b"stsd", lambda body: box(b"stsd", body.replace(b"avc1", b"zzzz"))), "refused")
    put("no-picture.mkv", ffmpeg("no-picture.mkv", *SOUND, "-t", "1", "-c:a", "aac"), "either")
    bomb = zlib.compress(bytes(200_000_000), 9)
    compressed = element("6D80", element("6240", number("5031", 0) + number("5032", 1) + number("5033", 0) + element("5034", number("4254", 0))))
    put("bomb.mkv", matroska(track(1, more=compressed), cluster([(0, bomb), (40, bomb)])), "either")
    tables = zlib.compress(bytes(400_000_000), 9)
    header = full(b"cmvd", b"")[:8] + struct.pack(">I", 400_000_000) + tables
    packed = box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", header[8:]))
    put("bomb.mov", box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", packed), "refused")


def words():
    """Metadata and names."""
    name = lambda text: box(b"udta", full(b"meta", full(b"hdlr", bytes(4) + b"mdirappl" + bytes(9)) + box(
        b"ilst", box(b"\xa9nam", box(b"data", struct.pack(">II", 1, 0) + text)))))
    add = lambda text: changed(MP4, b"moov", lambda body: box(b"moov", body + name(text)))
    put("long-name.mp4", add(b"n" * 30_000_000), "film")
    put("bad-name.mp4", add(b"\xff\xfe\xc0\x80\xed\xa0\x80\0\x1b[2J"), "film")
    tag = lambda n: element("7373", element("67C8", element("45A3", b"T%d" % n) + element("4487", b"\xff" * 200)))
    tags = lambda count: element("1254C367", b"".join(tag(n) for n in range(count)))
    tagged = lambda count: matroska(track(1), cluster([(at * 40, GREY) for at in range(25)]), tags(count))
    put("tags.mkv", tagged(1_000), "either")
    put("many-tags.mkv", tagged(20_000), "refused")
    language = changed(MP4, b"mdhd", lambda body: box(b"mdhd", body[:20] + b"\xff\xff" + body[22:]))
    put("bad-language.mp4", language, "film")
    chapters = b"".join(struct.pack(">QB", n, 255) + b"\xff" * 255 for n in range(255))
    put("chapters.mp4", changed(MP4, b"moov", lambda body: box(b"moov", body + box(b"udta", full(b"chpl", struct.pack(">xI", 255) + chapters)))), "film")
    put(b"bad \xff\xfe name.mp4", MP4, "film")
    put("line\nbreak \x1b[31m.mp4", MP4 + box(b"free", b"1"), "film")
    put("-n --free; rm $(x) `y` 'z' \"..\".mp4", MP4 + box(b"free", b"2"), "film")
    put("ü" * 120 + ".mp4", MP4 + box(b"free", b"3"), "film")
    put("\u202egpj.mp4", MP4 + box(b"free", b"4"), "film")


def others():
    """Things that are no films at all."""
    put("picture.mp4", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100), "refused")
    put("still.mp4", box(b"ftyp", b"avif\0\0\0\0avifmif1") + bytes(300), "refused")
    put("program.mkv", b"\x7fELF" + bytes(300), "refused")
    put("archive.mp4", b"PK\x03\x04" + bytes(300), "refused")
    put("page.avi", b"<!doctype html><video src=file:///etc/passwd>", "refused")
    put("script.ts", b"#!/bin/sh\nexit 1\n", "refused")


def noise():
    """Right heads and then chance; right films with chance in them."""
    dice = random.Random(20)
    heads = {
        "mp4": box(b"ftyp", b"isom\0\0\0\0isom"),
        "mkv": EBML + bytes.fromhex("1853806701ffffffffffffff"),
        "avi": b"RIFF\xff\xff\xff\x7fAVI LIST",
        "mpg": b"\0\0\x01\xba\x44\0\x04\0\x04\x01\x01\x89\xc3\xf8",
        "flv": b"FLV\x01\x05\0\0\0\x09\0\0\0\0",
    }
    for end, head in heads.items():
        put(f"noise.{end}", head + dice.randbytes(60_000), "refused")
    packets = b"".join(b"\x47" + dice.randbytes(187) for _ in range(400))
    put("noise.ts", packets, "refused")
    for end, film in {"mp4": MP4, "mkv": MKV, "avi": AVI, "ts": TS, "flv": FLV}.items():
        for turn in range(4):
            bytes_ = bytearray(film)
            for _ in range(3 ** (turn + 1)):
                bytes_[dice.randrange(16, len(bytes_))] = dice.randrange(256)
            put(f"mutated-{turn}.{end}", bytes(bytes_), "either")


FOLDER.mkdir(parents=True, exist_ok=True)
BASE = [*PICTURE, *SOUND, "-t", "2", *X264, "-c:a", "aac"]
MP4 = ffmpeg("base.mp4", *PICTURE, "-t", "2", *X264)
FAST = ffmpeg("fast.mp4", *BASE, "-movflags", "+faststart")
MKV = ffmpeg("base.mkv", *BASE)
TS = ffmpeg("base.ts", *BASE)
FLV = ffmpeg("base.flv", *BASE)
AVI = ffmpeg("base.avi", *PICTURE, *SOUND, "-t", "2", "-c:v", "mpeg4", "-c:a", "mp2")
JPEG = ffmpeg("base.avi", *PICTURE, "-t", "1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
for part in (lists, ends, shapes, times, streams, words, others, noise):
    part()
