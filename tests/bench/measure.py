#!/usr/bin/env python3
"""Runs a command and prints {wall_s, cpu_s, peak_mb, seen_s} as JSON.

usage: tests/bench/measure.py PATH COMMAND [ARGUMENT…]

`seen_s` is when PATH appeared (null: never, or PATH is `-`). CPU time and peak memory count the command
and everything that it waited for.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time

path, command = sys.argv[1], sys.argv[2:]
seen = None
ended = threading.Event()
began = time.monotonic()


def watch():
    global seen
    while not ended.is_set() and seen is None:
        if os.path.exists(path):
            seen = time.monotonic() - began
        time.sleep(0.001)


if path != "-":
    threading.Thread(target=watch, daemon=True).start()
done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                      stderr=subprocess.PIPE, text=True)
wall = time.monotonic() - began
ended.set()
if done.returncode:
    sys.exit(f"{command[0]}: {done.stderr.strip().splitlines()[-1:]}")
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "wall_s": wall,
    "cpu_s": used.ru_utime + used.ru_stime,
    "peak_mb": used.ru_maxrss * 1024 / 1e6,
    "seen_s": seen,
}))
