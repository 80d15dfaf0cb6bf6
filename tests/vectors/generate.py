"""Makes credentials.json: a second implementation of every layout in src/core, in Python, so that
the vectors do not merely repeat what the Rust code does. Run it after a change of a layout:
generate.py [FOLDER]."""

import base64
import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

SECRET = bytes(range(32))
KEY_ID = hashlib.sha256(SECRET).digest()[:4]
TIERS = {"rent": 1, "own": 2, "pass": 3, "tip": 16}
# In an order code only: a pass for the titles with a tag, whose number takes the title's place.
COLLECTION = 4
KINDS = {"ticket": 1, "access": 2, "grant": 3, "handle": 4,
         "studio-link": 5, "studio-session": 6, "studio-key": 7, "rental": 8}


def mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def derived(purpose: str) -> bytes:
    return mac(SECRET, b"satreel/1/" + purpose.encode())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def seal(kind: str, body: bytes, version: int = 1) -> str:
    signed = bytes([version, KINDS[kind]]) + KEY_ID + body
    return b64(signed + mac(derived(kind), signed))


def tag_id(tag: str) -> bytes:
    normal = "".join(letter.lower() for letter in tag.strip())
    return hashlib.sha256(b"satreel/1/tag" + normal.encode()).digest()[:8]


def order_code(sale: dict) -> bytes:
    head = bytes([1 << 4 | KEY_ID[0] & 0x0F])
    thing, tier = bytes.fromhex(sale["title"] or "00" * 8), TIERS[sale["tier"]]
    if "tag" in sale:
        thing, tier = tag_id(sale["tag"]), COLLECTION
    plain = (
        thing
        + struct.pack(">BHII", tier, sale["hours"] or 0, sale["sat"], sale["created_at"])
        + bytes.fromhex(sale["salt_hex"])
    )
    tag = mac(derived("order-tag"), head, plain)[:10]
    pad = mac(derived("order-cipher"), head, tag)
    return head + tag + bytes(a ^ b for a, b in zip(plain, pad))


def invoice(thing: dict) -> bytes:
    if "btcpay_id" in thing:
        return b"\1" + thing["btcpay_id"].encode()
    return b"\0" + bytes.fromhex(thing["payment_hash_hex"])


def subject(code: bytes) -> bytes:
    return hashlib.sha256(b"satreel/1/subject" + code).digest()[:8]


def finish_sale(sale: dict) -> dict:
    code = order_code(sale)
    if "tag" in sale:
        scope, thing, name = 3, tag_id(sale["tag"]), "tag:" + tag_id(sale["tag"]).hex()
    elif sale["tier"] == "pass":
        scope, thing, name = 2, bytes(8), "site"
    else:
        scope, thing, name = 1, bytes.fromhex(sale["title"]), "title:" + sale["title"]
    kind, term = "access", bytes(8)
    if sale["hours"]:
        kind, term = "rental", sale["settled_at"].to_bytes(5, "big") + sale["hours"].to_bytes(3, "big")
    head = bytes([scope]) + thing + bytes([TIERS[sale["tier"]]])
    return sale | {
        "order_code": b64(code),
        "subject": subject(code).hex(),
        "ticket": seal("ticket", code + invoice(sale)),
        "scope": name,
        "access_token": seal(kind, head + term + subject(code)),
    } | older(sale, head, code)


def older(sale: dict, head: bytes, code: bytes) -> dict:
    """What versions before rentals sealed for a time that was bought: it stays good."""
    if not sale["hours"]:
        return {}
    expires = sale["settled_at"] + sale["hours"] * 3600
    return {"older_access_token": seal("access", head + struct.pack(">Q", expires) + subject(code))}


def finish_tip(tip: dict) -> dict:
    return tip | {"order_code": b64(order_code(tip | {"tier": "tip", "hours": None}))}


def finish_grant(grant: dict) -> dict:
    whole_film = grant["last_segment"] is None
    body = (
        bytes.fromhex(grant["title"])
        + struct.pack(">Q", grant["expires_at"])
        + bytes.fromhex(grant["subject"])
        + bytes.fromhex(grant["session"])
        + struct.pack(">I", 0xFFFFFFFF if whole_film else grant["last_segment"])
        + bytes([1 if grant.get("whole_timeline") else 0])
    )
    return grant | {"grant": seal("grant", body)}


def finish_handle(handle: dict) -> dict:
    body = struct.pack(">QQ", handle["amount_sat"], handle["expires_at"]) + invoice(handle)
    return handle | {"handle": seal("handle", body)}


def finish_entry(entry: dict) -> dict:
    body = bytes.fromhex(entry["id"]) + struct.pack(
        ">QQQ", entry["issued_at"], entry["expires_at"] or 0, entry["epoch"]
    )
    return entry | {"credential": seal("studio-" + entry["door"], body)}


def changed(text: str, at: int) -> str:
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


HASH = hashlib.sha256(b"preimage").hexdigest()
FILM = {"title": "00ff10a9bcdef012", "salt_hex": "010203", "created_at": 1_700_000_000}
sales = [
    FILM | {"tier": "rent", "hours": 24, "sat": 100, "payment_hash_hex": HASH,
            "received_msat": 100_000, "settled_at": 1_700_000_060},
    FILM | {"tier": "own", "hours": None, "sat": 3000, "payment_hash_hex": HASH,
            "received_msat": 3_000_999, "settled_at": 1_700_000_060},
    FILM | {"tier": "pass", "hours": 720, "sat": 1_000_000_000, "btcpay_id": "Hj3kPq8LmN2RtV5xYz7AbC",
            "received_msat": 1_000_000_000_000, "settled_at": 1_700_009_999},
    FILM | {"tier": "pass", "tag": " Film NOIR", "hours": 720, "sat": 500, "payment_hash_hex": HASH,
            "received_msat": 500_000, "settled_at": 1_700_009_999},
    FILM | {"tier": "pass", "tag": "\u00c9t\u00e9", "hours": None, "sat": 500, "payment_hash_hex": HASH,
            "received_msat": 500_000, "settled_at": 1_700_009_999},
]
sales = [finish_sale(sale) for sale in sales]
token, older_token = sales[0]["access_token"], sales[0]["older_access_token"]
rental_body, access_body = (base64.urlsafe_b64decode(one + "==")[6:-32] for one in (token, older_token))
grants = [
    {"title": FILM["title"], "expires_at": 1_700_000_600, "subject": sales[0]["subject"],
     "session": "0123456789abcdef", "last_segment": None},
    {"title": FILM["title"], "expires_at": 1_700_000_600, "subject": "00" * 8,
     "session": "0123456789abcdef", "last_segment": 9, "whole_timeline": False},
    {"title": FILM["title"], "expires_at": 1_700_000_600, "subject": "00" * 8,
     "session": "0123456789abcdef", "last_segment": 0, "whole_timeline": True},
]
handles = [
    {"amount_sat": 100, "expires_at": 1_700_000_900, "payment_hash_hex": HASH},
    {"amount_sat": 3000, "expires_at": 1_700_000_900, "btcpay_id": "Hj3kPq8LmN2RtV5xYz7AbC"},
]
tips = [
    FILM | {"sat": 500},
    FILM | {"title": None, "sat": 100_000_000},
]
studio = [
    {"door": "link", "id": "00112233445566778899aabbccddeeff", "issued_at": 1_700_000_000,
     "expires_at": 1_700_000_600, "epoch": 0},
    {"door": "session", "id": "0102030405060708090a0b0c0d0e0f10", "issued_at": 1_700_000_000,
     "expires_at": 1_700_043_200, "epoch": 3},
    {"door": "key", "id": "ff" * 16, "issued_at": 1_700_000_000, "expires_at": None, "epoch": 3},
]
refused = [
    {"access_token": changed(token, 20), "reason": "Forged"},
    {"access_token": changed(token, 80), "reason": "Forged"},
    {"access_token": changed(token, 5), "reason": "UnknownKey"},
    {"access_token": changed(older_token, 20), "reason": "Forged"},
    {"access_token": seal("rental", rental_body, version=2), "reason": "Version(2)"},
    {"access_token": seal("access", access_body, version=2), "reason": "Version(2)"},
    {"access_token": sales[0]["ticket"], "reason": "WrongKind"},
    {"access_token": token[:-1], "reason": "Malformed"},
    {"access_token": token + "=", "reason": "Malformed"},
    {"access_token": "", "reason": "Malformed"},
]
vectors = {
    "about": "Satreel credentials, version 1. Numbers are decimal, times unix seconds.",
    "key": {"secret_hex": SECRET.hex(), "id": KEY_ID.hex()},
    "sales": sales,
    "grants": [finish_grant(grant) for grant in grants],
    "handles": [finish_handle(handle) for handle in handles],
    "tips": [finish_tip(tip) for tip in tips],
    "studio": [finish_entry(entry) for entry in studio],
    "refused": refused,
}
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
(folder / "credentials.json").write_text(json.dumps(vectors, indent=2) + "\n")
