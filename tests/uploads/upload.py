"""upload.py SATREEL WORK FILM: uploads by tuspy, an independent client of tus 1.0."""

import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tusclient import client
from tusclient.exceptions import TusCommunicationError, TusUploadFailed

SATREEL, WORK, FILM = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
PATIENCE_S = 120
LONG = int(os.environ.get("SATREEL_UPLOAD_MB", "300")) * 1_000_000
"""How much more memory a long body may take than a short one."""
FLAT = 32_000_000
done = 0


class Demo:
    """A demo that can be killed and started again at the same address."""

    def __init__(self, listen: str = "127.0.0.1:0"):
        self.data = WORK / "data"
        command = [SATREEL, "demo", "--no-samples", "--data", self.data, "--listen", listen, "--live", "127.0.0.1:0"]
        self.log = open(WORK / "log", "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        self.url = re.search(r"http://\S+", line)[0]

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def killed(self) -> "Demo":
        self.process.kill()
        self.process.wait()
        return Demo(self.host)

    def key(self) -> str:
        printed = subprocess.check_output([SATREEL, "studio-key", "--data", self.data])
        return printed.decode().strip()

    def peak_memory(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait() == 0, "the demo did not end well"


def passed(what: str):
    global done
    done += 1
    print(f"ok: {what}", flush=True)


def ask(demo: Demo, path: str, key: str):
    request = urllib.request.Request(demo.url + path, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def until(what: str, fact):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = fact()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"waited too long: {what}")


def tus(demo: Demo, key: str) -> client.TusClient:
    return client.TusClient(f"{demo.url}/api/studio/uploads", headers={"Authorization": f"Bearer {key}"})


def film_survives_a_kill(demo: Demo, key: str) -> Demo:
    meta = {"filename": "big buck.mp4", "filetype": "video/mp4"}
    uploader = tus(demo, key).uploader(str(FILM), chunk_size=100_000, metadata=meta, upload_checksum=True)
    half = FILM.stat().st_size // 2
    uploader.upload(stop_at=half)
    where = uploader.url
    assert uploader.offset >= half, uploader.offset
    passed("half a film, every piece with its checksum")
    demo = demo.killed()
    again = tus(demo, key).uploader(str(FILM), chunk_size=100_000, url=where, upload_checksum=True)
    assert again.offset == uploader.offset, "what arrived before kill -9 counts"
    again.upload()
    digest = hashlib.sha256(FILM.read_bytes()).hexdigest()
    state = ask(demo, "/api/studio/uploads", key)["uploads"][0]
    assert (state["state"], state["title"]) == ("done", digest[:16]), state
    passed("the other half after kill -9 of the server; the title's id is that of the whole film")
    titles = lambda: ask(demo, "/api/titles", key)["titles"]
    title = until("the film is for sale", lambda: next(iter(titles()), None))
    assert (title["id"], title["name"]) == (digest[:16], "big buck"), title
    passed("it became a film and is for sale")
    return demo


def same_film_is_noticed(demo: Demo, key: str):
    uploader = tus(demo, key).uploader(str(FILM), chunk_size=10_000_000, metadata={"filename": "b.mp4"})
    uploader.upload()
    states = {upload["name"]: upload["state"] for upload in ask(demo, "/api/studio/uploads", key)["uploads"]}
    assert states["b.mp4"] == "known", states
    assert not (demo.data / "inbox/b.mp4").exists()
    passed("the same film again is noticed")


def refusals_are_told(demo: Demo, key: str):
    try:
        tus(demo, "wrong").uploader(str(FILM)).upload()
    except (TusCommunicationError, TusUploadFailed) as error:
        assert "401" in str(error) or error.status_code == 401, error
        passed("a stranger's upload is refused")
    else:
        raise SystemExit("a stranger could upload")


def a_long_body_stays_flat(demo: Demo, key: str):
    headers = {"Authorization": f"Bearer {key}", "Tus-Resumable": "1.0.0"}
    connection = http.client.HTTPConnection(demo.host, timeout=PATIENCE_S)
    name = "bm9pc2UuYmlu"  # noise.bin
    connection.request("POST", "/api/studio/uploads", headers=headers
                       | {"Upload-Length": str(LONG), "Upload-Metadata": f"filename {name}"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 201, answer.status
    before = demo.peak_memory()
    block = os.urandom(1_000_000)
    begun = time.monotonic()
    connection.request("PATCH", answer.headers["Location"], body=(block for _ in range(LONG // len(block))),
                       headers=headers | {"Upload-Offset": "0", "Content-Length": str(LONG),
                                          "Content-Type": "application/offset+octet-stream"})
    answer = connection.getresponse()
    answer.read()
    took = time.monotonic() - begun
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(LONG)), answer.status
    digest = hashlib.sha256()
    for _ in range(LONG // len(block)):
        digest.update(block)
    assert answer.headers["Satreel-Title"] == digest.hexdigest()[:16]
    more = demo.peak_memory() - before
    assert more < FLAT, f"{more} bytes more"
    passed(f"{LONG / 1e6:.0f} MB in one body, {LONG / 1e6 / took:.0f} MB/s, {more / 1e6:.1f} MB of memory")


demo = Demo()
try:
    key = demo.key()
    demo = film_survives_a_kill(demo, key)
    same_film_is_noticed(demo, key)
    refusals_are_told(demo, key)
    a_long_body_stays_flat(demo, key)
    demo.end()
except BaseException:
    demo.process.kill()
    demo.process.wait()
    sys.stderr.write((WORK / "log").read_text()[-4000:])
    raise
print(f"{done} passed, 0 failed")
