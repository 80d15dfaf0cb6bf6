"""Buys a film by L402 and leaves a tip by Lightning address, with clients that others wrote, from a
server on a real LND node. Usage: buy.py SATREEL LND_PAIR FOLDER TITLE."""

import asyncio
import hashlib
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urljoin

import bolt11
import httpx
import lnurl
from l402_requests import L402Client
from l402_requests.wallets import WalletBase
from pymacaroons import Macaroon

PATIENCE_S = 30


class Pair:
    """Two LND nodes with a channel: one sells, the other pays."""

    def __init__(self, program: str):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.shop = json.loads(self.process.stdout.readline())["shop"]

    def pay(self, request: str) -> str:
        self.process.stdin.write(json.dumps({"pay": request}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "preimage" not in answer:
            raise RuntimeError(answer)
        return answer["preimage"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Wallet(WalletBase):
    """The buyer's node, as l402-requests wants it."""

    def __init__(self, pair: Pair):
        self.pair = pair
        self.paid: list[str] = []

    async def pay_invoice(self, bolt11: str) -> str:
        return self.pay_invoice_sync(bolt11)

    def pay_invoice_sync(self, bolt11: str) -> str:
        self.paid.append(bolt11)
        return self.pair.pay(bolt11)


def free_port() -> int:
    # Known before the start, since the address stands in what wallets are told.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def serve(satreel: str, folder: Path, shop: dict) -> tuple[subprocess.Popen, str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = folder / "satreel.toml"
    config.write_text(
        f'[site]\nname = "Test"\nurl = "{url}"\ndata = "{folder / "data"}"\n'
        f'[server]\nlisten = "127.0.0.1:{port}"\n'
        f'[payments]\nbackend = "lnd"\n[payments.lnd]\naddress = "{shop["address"]}"\n'
        f'certificate = {json.dumps(shop["certificate"])}\n'
        f'macaroon = {{ file = {json.dumps(shop["macaroon"])} }}\nnetwork = "regtest"\n'
        '[tips]\naddress = "tips"\nmin_sat = 10\nmax_sat = 5000\nmessage = "Thanks a lot."\n'
        "[limits]\norders_per_minute = 100000\nlooks_per_minute = 1000000\ntokens_per_minute = 1000000\n"
        "all_orders_per_second = 100000\nall_lookups_per_second = 100000\n"
    )
    log = (folder / "log").open("w")
    server = subprocess.Popen([satreel, "serve", "--config", str(config)], stdout=log, stderr=log)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if httpx.get(url + "/readyz").status_code == 200:
                return server, url
        except httpx.TransportError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((folder / "log").read_text())


def check(fact: bool, words: object) -> None:
    if not fact:
        raise AssertionError(words)


def film_by_l402(url: str, title: str, pair: Pair) -> str:
    """A program that knows the address only: everything else is l402-requests'."""
    discovery = httpx.get(url + "/.well-known/l402.json").json()
    address = url + discovery["services"][0]["pattern"].replace("{id}", title)
    challenge = httpx.get(address)
    check(challenge.status_code == 402, challenge.text)
    again = httpx.get(address).json()
    check(again["payment_request"] == challenge.json()["payment_request"], "one invoice while it is open")

    wallet = Wallet(pair)
    client = L402Client(wallet=wallet)
    answer = client.get(address)
    check(answer.status_code == 307, answer.text)
    check(wallet.paid == [again["payment_request"]], "the invoice of the first challenge was paid")
    check(client.get(address).status_code == 307, "its cache opens the film again")
    check(len(wallet.paid) == 1, "nothing is paid twice")

    macaroon = Macaroon.deserialize(again["macaroon"])
    identifier = bytes(macaroon.identifier)
    check(identifier[:2] == bytes(2) and len(identifier) == 66, "the identifier of the specification")
    check(identifier[2:34].hex() == again["payment_hash"], "it names the payment")
    caveats = [bytes(caveat.caveat_id).decode() for caveat in macaroon.caveats]
    check(caveats[:3] == [f"title={title}", "tier=rent", "hours=24"], caveats)
    return urljoin(address, answer.headers["location"])


def narrowed_is_narrower(url: str, title: str, pair: Pair) -> None:
    """A bearer narrows the macaroon with a library that is not ours, and passes it on."""
    address = f"{url}/l402/{title}/master.m3u8?tier=own"
    challenge = httpx.get(address).json()
    preimage = pair.pay(challenge["payment_request"])

    def ask(*caveats: str) -> int:
        macaroon = Macaroon.deserialize(challenge["macaroon"])
        for caveat in caveats:
            macaroon.add_first_party_caveat(caveat)
        headers = {"Authorization": f"L402 {macaroon.serialize()}:{preimage}"}
        return httpx.get(address, headers=headers).status_code

    check(ask() == 307, "as bought")
    check(ask("hours=1") == 307, "for an hour")
    check(ask("hours=0") == 402, "for no time at all")
    check(ask("title=0000000000000000") == 402, "for another film")
    check(ask("satreel-later=1") == 401, "a restriction that this version does not know")
    check(ask("somebodys=own") == 307, "another's caveat")


def plays(master: str) -> None:
    """A plain player, which knows nothing of payments."""
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", master],
        capture_output=True, text=True, check=True,
    )
    check(float(probe.stdout) > 5, probe.stdout)
    played = subprocess.run(["ffmpeg", "-v", "error", "-i", master, "-f", "null", "-"], capture_output=True, text=True)
    check(played.returncode == 0 and not played.stderr.strip(), played.stderr)


async def tip_by_address(url: str, pair: Pair, satreel: str, folder: Path) -> None:
    """LNURL-pay by the library of LNbits: from the bech32 text on."""
    text = lnurl.encode(url + "/.well-known/lnurlp/tips").bech32
    offer = await lnurl.handle(text)
    check(isinstance(offer, lnurl.LnurlPayResponse), offer)
    check((offer.min_sats, offer.max_sats, offer.commentAllowed) == (10, 5000, 280), offer)
    action = await lnurl.execute_pay_request(offer, 21_000)
    invoice = bolt11.decode(str(action.pr))
    metadata = httpx.get(url + "/.well-known/lnurlp/tips").json()["metadata"]
    check(invoice.description_hash == hashlib.sha256(metadata.encode()).hexdigest(), "the invoice commits to the metadata")
    check(action.successAction.message == "Thanks a lot.", action)
    check(not httpx.get(str(action.verify)).json()["settled"], "not yet")
    pair.pay(str(action.pr))
    check(httpx.get(str(action.verify)).json()["settled"], "LUD-21 tells")
    deadline = time.monotonic() + PATIENCE_S
    while True:
        listed = subprocess.run(
            [satreel, "sales", "--config", str(folder / "satreel.toml"), "--json"], capture_output=True, text=True, check=True
        )
        if any(tip["amount_sat"] == 21 for tip in json.loads(listed.stdout)["tips"]):
            return
        check(time.monotonic() < deadline, listed.stdout)


def percentile(figures: list[float], share: float) -> float:
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * share))]


def measure(url: str, title: str, pair: Pair, rounds: int) -> None:
    """The challenge, and the first authorised answer after the payment, on one connection each."""
    challenges, answers = [], []
    address = f"{url}/l402/{title}/master.m3u8"
    with httpx.Client() as client:
        client.get(url + "/healthz")
        for _ in range(rounds):
            begun = time.perf_counter()
            challenge = client.get(address)
            challenges.append((time.perf_counter() - begun) * 1000)
            challenge = challenge.json()
            headers = {"Authorization": f"L402 {challenge['macaroon']}:{pair.pay(challenge['payment_request'])}"}
            begun = time.perf_counter()
            check(client.get(address, headers=headers).status_code == 307, "paid")
            answers.append((time.perf_counter() - begun) * 1000)
    for what, figures in [("challenge", challenges), ("settled → first authorised answer", answers)]:
        print(f"{what}: p50 {percentile(figures, 0.5):.1f} ms, p99 {percentile(figures, 0.99):.1f} ms")


def main() -> None:
    satreel, program, folder, title = sys.argv[1:5]
    folder = Path(folder)
    pair = Pair(program)
    server = None
    secrets = []
    try:
        server, url = serve(satreel, folder, pair.shop)
        paying = pair.pay

        def pay(request: str) -> str:
            preimage = paying(request)
            secrets.append(preimage)
            return preimage

        pair.pay = pay
        plays(film_by_l402(url, title, pair))
        narrowed_is_narrower(url, title, pair)
        asyncio.run(tip_by_address(url, pair, satreel, folder))
        measure(url, title, pair, 20)
    finally:
        if server:
            server.terminate()
            server.wait()
        pair.close()
    log = (folder / "log").read_text()
    check(not re.search("panicked|ERROR", log), log)
    check(not any(secret in log for secret in secrets), "a preimage stands in the log")
    print("4 passed, 0 failed")


if __name__ == "__main__":
    main()
