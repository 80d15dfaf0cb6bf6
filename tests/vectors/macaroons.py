"""Makes macaroons.json with pymacaroons, an implementation that is not ours: macaroons in the binary
format V2, among them the examples of libmacaroons' own introduction, and L402 macaroons as
src/core/l402 describes them. Run it after a change of a layout: macaroons.py [FOLDER]."""

import hashlib
import hmac
import json
import sys
from pathlib import Path

from pymacaroons import MACAROON_V2, Macaroon

SECRET = bytes(range(32))
KEY_ID = hashlib.sha256(SECRET).digest()[:4]


def mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def macaroon(key: bytes, location: str, identifier: bytes, caveats: list[str]) -> Macaroon:
    made = Macaroon(location=location, identifier=identifier, key=key, version=MACAROON_V2)
    for caveat in caveats:
        made.add_first_party_caveat(caveat)
    return made


def plain(key: bytes, location: str, identifier: bytes, caveats: list[str]) -> dict:
    made = macaroon(key, location, identifier, caveats)
    return {
        "key_hex": key.hex(),
        "location": location,
        "identifier_hex": identifier.hex(),
        "caveats": caveats,
        "signature_hex": made.signature,
        "macaroon": made.serialize(),
    }


def l402(sale: dict) -> dict:
    """`sale` names the caveats' values; order codes come from credentials.json."""
    token_id = KEY_ID + bytes.fromhex(sale["nonce_hex"])
    root = mac(mac(SECRET, b"satreel/1/l402"), token_id)
    payment_hash = hashlib.sha256(bytes.fromhex(sale["preimage_hex"])).digest()
    caveats = []
    if sale["tier"] != "pass":
        caveats.append("title=" + sale["title"])
    caveats.append("tier=" + sale["tier"])
    if sale["hours"]:
        caveats.append(f"hours={sale['hours']}")
    caveats += ["order=" + sale["order_code"], "invoice=" + sale.get("btcpay_id", payment_hash.hex())]
    made = macaroon(root, "https://films.example", bytes(2) + payment_hash + token_id, caveats)
    return sale | {
        "location": "https://films.example",
        "payment_hash_hex": payment_hash.hex(),
        "caveats": caveats,
        "macaroon": made.serialize(),
    }


here = Path(__file__).parent
BANK = (b"this is our super secret key; only we should know it", "http://mybank/", b"we used our secret key")
credentials = json.loads((here / "credentials.json").read_text())
wanted = ["title", "tier", "hours", "sat", "created_at", "salt_hex", "order_code", "btcpay_id", "tag"]
sales = [{name: sale[name] for name in wanted if name in sale} for sale in credentials["sales"]]
vectors = {
    "about": "Macaroons V2 made by pymacaroons, and L402 macaroons of Satreel under one key.",
    "key": {"secret_hex": SECRET.hex(), "id": KEY_ID.hex()},
    "macaroons": [
        plain(*BANK, []),
        plain(*BANK, ["account = 3735928559"]),
        plain(*BANK, ["account = 3735928559", "time < 2030-01-01T00:00", "email = alice@example.org"]),
        plain(bytes(32), "", bytes(range(256)), ["", "a" * 200]),
    ],
    "l402": [
        l402(sale | {"nonce_hex": bytes([number] * 28).hex(), "preimage_hex": bytes([number + 1] * 32).hex()})
        for number, sale in enumerate(sales)
    ],
}
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here
(folder / "macaroons.json").write_text(json.dumps(vectors, indent=2) + "\n")
