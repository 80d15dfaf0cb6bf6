"""Viewers of a site behind nginx, as config/nginx.conf and config/nginx-files.conf set it up.

Usage: behind.py BIN NGINX WORK FILM
"""

import http.client
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading

BIN, NGINX, WORK, FILM = (pathlib.Path(argument) for argument in sys.argv[1:])
ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = WORK / "data"
NAME = "films.example"


def free_ports(count):
    """Ports that nobody has at the moment, for a server that can't be asked which it took."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def check(what, value, wanted):
    if value != wanted:
        raise SystemExit(f"tests/nginx: {what}: {value!r}, not {wanted!r}")


class Satreel:
    """The server on its own port, with play money and one film of which two seconds are free."""

    def __init__(self):
        self.config = WORK / "satreel.toml"
        self.config.write_text(
            f"""[site]
name = "Behind nginx"
url = "http://127.0.0.1:1"
data = "{DATA}"
[server]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]
[payments]
backend = "wallet"
"""
        )
        add = ["add", FILM, "--data", DATA, "--rent", "100", "--preview", "2"]
        done = subprocess.run(
            [BIN / "satreel-transcoder", *add], check=True, capture_output=True, text=True
        )
        self.film = done.stdout.split()[-1]
        command = [BIN / "satreel", "serve", "--config", self.config]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "serving" in line and "address" in line:
                break
        else:
            raise SystemExit("tests/nginx: the server does not start")
        # The rest of its log goes nowhere, but it goes.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        host, port = (DATA / "address").read_text().strip().split(":")
        self.address = (host, int(port))

    def studio_key(self):
        command = [BIN / "satreel", "studio-key", "--config", self.config]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def pay(self, payment_request):
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        body = json.dumps({"payment_request": payment_request})
        connection.request("POST", "/wallet/pay", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        check("a payment", answer.status, 200)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


class Nginx:
    """Debian's nginx with our site, changed only in its ports, paths and certificate."""

    def __init__(self, satreel, name, files):
        self.folder = WORK / name
        self.folder.mkdir()
        plain, self.port = free_ports(2)
        site = (ROOT / "config/nginx.conf").read_text()
        changes = [
            ("server 127.0.0.1:8420;", "server {}:{};".format(*satreel.address)),
            ("    listen [::]:80;\n", ""),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
            ("/etc/letsencrypt/live/films.example/fullchain.pem", f"{WORK}/cert.pem"),
            ("/etc/letsencrypt/live/films.example/privkey.pem", f"{WORK}/key.pem"),
            ("/var/log/nginx/satreel.log", f"{self.folder}/access.log"),
        ]
        for old, new in changes:
            check(f"{old!r} in config/nginx.conf", site.count(old), 1)
            site = site.replace(old, new)
        if files:
            more = (ROOT / "config/nginx-files.conf").read_text()
            check("the films' folder", more.count("/var/lib/satreel/"), 1)
            more = more.replace("/var/lib/satreel/", f"{DATA}/")
            (self.folder / "files.conf").write_text(more)
            first = "    location / {\n        proxy_pass"
            check("the first location", site.count(first), 1)
            site = site.replace(first, f"    include {self.folder}/files.conf;\n\n{first}")
        (self.folder / "site.conf").write_text(site)
        paths = "".join(
            f"{kind}_temp_path {self.folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf = self.folder / "nginx.conf"
        conf.write_text(
            f"daemon off;\nmaster_process off;\nworker_processes 1;\npid {self.folder}/pid;\n"
            f"error_log {self.folder}/error.log info;\nevents {{ }}\n"
            f"http {{\n{paths}include {self.folder}/site.conf;\n}}\n"
        )
        self.command = [NGINX, "-e", f"{self.folder}/error.log", "-p", self.folder, "-c", conf]
        tried = subprocess.run([*self.command, "-t", "-q"], capture_output=True, text=True)
        check("nginx -t", (tried.returncode, tried.stderr), (0, ""))
        self.process = subprocess.Popen(self.command)
        self.context = ssl.create_default_context(cafile=WORK / "cert.pem")
        while True:
            if self.process.poll() is not None:
                raise SystemExit((self.folder / "error.log").read_text())
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                pass

    def connect(self):
        """One connection to the site by its name, whose certificate is checked."""
        bare = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection = http.client.HTTPSConnection(NAME, context=self.context)
        connection.sock = self.context.wrap_socket(bare, server_hostname=NAME)
        return connection

    def ask(self, method, path, body=None, headers=None):
        connection = self.connect()
        if isinstance(body, dict):
            body, headers = json.dumps(body), {"content-type": "application/json", **(headers or {})}
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def status(self, method, path, **more):
        return self.ask(method, path, **more)[0]

    def json(self, method, path, body, wanted, headers=None):
        status, _, answer = self.ask(method, path, body, headers)
        check(path, (status, answer if status != wanted else b""), (wanted, b""))
        return json.loads(answer)

    def logs(self):
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=30)


def bought(satreel, nginx):
    """A purchase through nginx, its news included: (secrets, grant, the film's address)."""
    order = nginx.json("POST", "/api/orders", {"title": satreel.film, "tier": "rent"}, 201)
    news = nginx.connect()
    news.request("GET", f"/api/orders/{order['order']}/events")
    events = news.getresponse()
    # Passed on as it comes: the first state is here while the payment is not.
    while b'"open"' not in events.readline():
        pass
    satreel.pay(order["payment_request"])
    while b'"settled"' not in events.readline():
        pass
    news.close()
    token = nginx.json("POST", "/api/tokens", {"ticket": order["ticket"]}, 200)["token"]
    bearer = {"authorization": f"Bearer {token}"}
    grant = nginx.json("POST", "/api/grants", {"title": satreel.film}, 200, bearer)
    return [order["ticket"], token, grant["grant"]], grant


def segments(nginx, master):
    """The names in the first variant's playlist."""
    base = master.rsplit("/", 1)[0]
    text = nginx.ask("GET", master)[2].decode()
    variant = next(line for line in text.splitlines() if line.endswith(".m3u8") and line[0] == "v")
    playlist = nginx.ask("GET", f"{base}/{variant}")[2].decode()
    return base, [line for line in playlist.splitlines() if line.endswith(".m4s")]


def as_a_viewer(satreel, nginx):
    """What holds whoever sends the bytes."""
    status, headers, _ = nginx.ask("GET", "/")
    check("the storefront", status, 200)
    check("HSTS", headers["strict-transport-security"], "max-age=31536000")
    check("one policy", len(headers.get_all("content-security-policy")), 1)
    for path in ("/wallet", "/wallet/pay", "/readyz", "/internal/auth", "/internal/other"):
        check(path, nginx.status("GET", path), 404)

    secrets, grant = bought(satreel, nginx)
    base, names = segments(nginx, grant["master_url"])
    folder = DATA / "titles" / satreel.film
    for name in (names[0], names[-1]):
        status, headers, body = nginx.ask("GET", f"{base}/{name}")
        check(name, (status, body == (folder / name).read_bytes()), (200, True))
        for header, value in (
            ("content-type", "video/mp4"),
            ("cache-control", "private, max-age=31536000, immutable"),
            ("access-control-allow-origin", "*"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ):
            check(f"{header} of {name}", headers.get_all(header), [value])
        status, headers, part = nginx.ask("GET", f"{base}/{name}", headers={"range": "bytes=10-19"})
        check("a range", (status, part), (206, body[10:20]))
        check("preflight", nginx.status("OPTIONS", f"{base}/{name}"), 204)

    preview = nginx.json("POST", "/api/grants", {"title": satreel.film}, 200)
    free, _ = segments(nginx, preview["master_url"])
    check("the free start", nginx.status("GET", f"{free}/{names[0]}"), 200)
    status, _, said = nginx.ask("GET", f"{free}/{names[-1]}")
    check("beyond it", (status, said), (403, b"the free part ends before this segment\n"))
    beyond = f"{satreel.film}/{names[-1]}"
    for trick in (
        f"{free}/x/../{names[-1]}",
        f"{free}/%2e%2e/{beyond}",
        f"{free}//{names[-1]}",
        f"{free}/{names[-1].replace('.', '%2e')}",
        f"{free}/{names[0]}/../{names[-1]}",
        f"/m/x/{beyond}",
        f"{base}/title.json",
        f"{base}/../{satreel.film}/title.json",
    ):
        status = nginx.status("GET", trick)
        check(trick, status in (400, 403, 404), True)

    # As the doctor asks: what a visitor makes up of himself is not passed on.
    invented = {"X-Forwarded-For": "192.0.2.77", "Forwarded": "for=192.0.2.77"}
    seen = json.loads(nginx.ask("GET", "/api/seen", headers=invented)[2])
    check("who visits", seen, {"address": "127.0.0.1", "noted": "127.0.0.1"})

    key = {"authorization": f"Bearer {satreel.studio_key()}", "tus-resumable": "1.0.0"}
    about = {**key, "upload-length": str(1 << 20), "upload-metadata": "filename ZmlsbS5tcDQ="}
    status, headers, said = nginx.ask("POST", "/api/studio/uploads", headers=about)
    check("an upload", (status, said if status != 201 else b""), (201, b""))
    place = headers["location"].removeprefix("https://" + NAME)
    place = "/" + place.split("/", 3)[3] if "://" in place else place
    piece = {**key, "upload-offset": "0", "content-type": "application/offset+octet-stream"}
    status = nginx.status("PATCH", place, body=bytes(1 << 20), headers=piece)
    check("a long body to the studio", status in (204, 422), True)
    check("a long body elsewhere", nginx.status("POST", "/api/tips", body=bytes(1 << 17)), 413)

    logs = nginx.logs()
    for secret in [*secrets, preview["grant"]]:
        check("a secret in nginx's log", secret in logs, False)
    return base, names


def main():
    satreel = Satreel()
    proxy = Nginx(satreel, "proxy", files=False)
    base, names = as_a_viewer(satreel, proxy)
    ours = proxy.ask("GET", f"{base}/{names[0]}")[1]["etag"]
    proxy.stop()

    files = Nginx(satreel, "files", files=True)
    base, names = as_a_viewer(satreel, files)
    theirs = files.ask("GET", f"{base}/{names[0]}")[1]["etag"]
    check("the mark of a file that Satreel sends is nginx's", theirs == ours, False)
    orders = [
        files.status("POST", "/api/orders", body={"title": satreel.film, "tier": "rent"})
        for _ in range(14)
    ]
    check("too many orders", 429 in orders, True)
    # With its judge away nobody sees anything, and is not told that the film is gone.
    satreel.stop()
    check("without Satreel", files.status("GET", f"{base}/{names[0]}"), 502)
    files.stop()
    print("A sale and a film behind nginx, as a proxy and with the files served by it.")


main()
