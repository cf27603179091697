#!/usr/bin/env python3
"""A second verifier of Caveat's bundles: one file, the standard library and `cryptography`, made to be read whole.

    python caveat_check.py BUNDLE TRUST [--last CHECKPOINT] [--after BUNDLE] [--ticket TICKET]...

It shares no code with the package.  It was written from docs/ledger.md and docs/evidence.md, from RFC 6962 and RFC 9901 and
from the C2SP pages on signed notes, checkpoints, tiles and policies.  It says "verified" or "not verified" and why; the exit
code is 0 or 1.  It believes the signed Cedar and does not compile the signed YAML again.  Read it from below: `check` takes
the steps in order; what does not hold raises No.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import re
import struct
import sys
import zipfile
import zlib
from collections import Counter, deque
from datetime import datetime, timedelta, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

class No(Exception):
    """Something does not hold."""

def need(holds, why):
    if not holds:
        raise No(why)

def sha(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()

def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()

def unb64(text, url=False):
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4 * url), b"-_" if url else None, validate=True)
    except (ValueError, TypeError):
        raise No("something is not base64") from None
    again = base64.urlsafe_b64encode(data).rstrip(b"=") if url else base64.b64encode(data)
    need(again.decode() == text, "base64 is not in its canonical form")
    return data

def canon(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")

def read_json(data, what, exact=True):
    """The value; `exact` holds it to the one canonical way of writing it."""
    def once(pairs):
        need(len(dict(pairs)) == len(pairs), f"{what} has a name twice")
        return dict(pairs)

    try:
        value = json.loads(data.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise No(f"{what} is not JSON") from None
    need(not exact or canon(value) == data, f"{what} is not in canonical form")
    return value

# --- the zip: stored members in ascending order, one value for every byte of a header ------------------------------------

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*")

class Zip:
    def __init__(self, file):
        self.file, self.members, lines, offset = file, {}, [], 0
        try:
            infos = zipfile.ZipFile(file).infolist()
        except Exception as error:  # the library lets many through
            raise No(f"it is no zip ({type(error).__name__})") from None
        for info in infos:
            name, crc, size, last = info.filename, info.CRC, info.file_size, max(self.members, default="")
            need(NAME.fullmatch(name) and len(name) <= 120 and name > last, "a name in the zip is out of order")
            sizes = (crc, size, size, len(name), 0)
            head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, *sizes) + name.encode()
            fixed = (0x314, 20, 0, 0, 0, 33, *sizes, 0, 0, 0, 0o100644 << 16, offset)
            lines.append(struct.pack("<4s6H3L5H2L", b"PK\1\2", *fixed) + name.encode())
            self.members[name] = (offset, head, size, crc)
            offset += len(head) + size
        directory, count = b"".join(lines), len(lines)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), offset, 0)
        file.seek(offset)
        need(file.read(len(directory) + 23) == directory + end, "the zip's directory is not as it must be")
    def pieces(self, name, most=1 << 62):
        need(name in self.members, f"{name} is missing")
        offset, head, left, crc = self.members[name]
        self.file.seek(offset)
        need(left <= most and self.file.read(len(head)) == head, f"{name} is too large, or its header is wrong")
        at, seen = offset + len(head), 0
        while left:
            self.file.seek(at)
            piece = self.file.read(min(left, 1 << 16))
            at, left, seen = at + len(piece), left - len(piece), zlib.crc32(piece, seen)
            need(piece, "the file ends too soon")
            yield piece
        need(seen == crc, f"the checksum of {name} does not hold")
    def read(self, name, most=16 << 20):
        return b"".join(self.pieces(name, most))
    def lines(self, name):
        rest = b""
        for piece in self.pieces(name):
            *whole, rest = (rest + piece).split(b"\n")
            need(max(map(len, [*whole, rest])) <= 2 << 20, f"{name} has a line that is too long")
            yield from whole
        need(not rest, f"the last line of {name} has no end")

# --- keys, signed notes, the trust file ----------------------------------------------------------------------------------

P = 2**255 - 19
SMALL = {0, 1, P - 1} | {int.from_bytes(bytes.fromhex(y), "little") for y in (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")}
PASSKEY = b"\xffcaveat.passkey/v1\n"
SIZES = {1: (32, 64), 4: (32, 64), 6: (1312, 2420)}

class Key:
    """A public key as notes write it: name+id+base64(type, key)."""
    def __init__(self, text):
        self.text = text.removesuffix("\n")
        pieces = self.text.split("+", 2)
        need(len(pieces) == 3 and good_name(pieces[0]), "a key is not name+id+base64")
        data, self.name = unb64(pieces[2]), pieces[0]
        self.kind, self.public, self.id = data[0] if data else 0, data[1:], sha(self.name.encode(), b"\n", data)[:4]
        self.named = f"{self.name}+{self.id.hex()}"
        need(self.kind in SIZES and len(self.public) == SIZES[self.kind][0], "a key is of a kind unknown to this script")
        need(pieces[1] == self.id.hex(), f"the key of {self.name} has another id")
        if self.kind == 6:
            self.check = mldsa.MLDSA44PublicKey.from_public_bytes(self.public).verify
            return
        y = int.from_bytes(self.public, "little") & (2**255 - 1)
        x2 = (y * y - 1) * pow(-121665 * pow(121666, -1, P) * y * y + 1, -1, P) % P
        need(y < P and y not in SMALL and pow(x2, (P - 1) // 2, P) == 1, f"the key of {self.name} is weak")
        self.check = ed25519.Ed25519PublicKey.from_public_bytes(self.public).verify
    def verify(self, message, signature):
        try:
            self.check(signature, message)
        except InvalidSignature:
            raise No(f"the signature by {self.named} does not hold") from None

class Passkey:
    """A passkey as an approver's line names it: name+id+base64(0xff "caveat.passkey/v1" LF JSON); the key in it is COSE."""
    def __init__(self, text):
        name, id_, data = text.split("+", 2)
        data = unb64(data)
        need(good_name(name) and data.startswith(PASSKEY) and sha(name.encode(), b"\n", data)[:4].hex() == id_, "a passkey is malformed")
        said = read_json(data.removeprefix(PASSKEY), "a passkey")
        self.text, self.named, self.rp_id = text, f"{name}+{id_}", said["rp_id"]
        cose, end = cbor(unb64(said["cose"], url=True), 0)
        kind = cose.get(3)
        if kind == -7:
            numbers = (int.from_bytes(cose[-2], "big"), int.from_bytes(cose[-3], "big"))
            key = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
            self.check, self.public = (lambda sig, text: key.verify(sig, text, ec.ECDSA(SHA256()))), cose[-2] + cose[-3]
        elif kind == -257:
            key = rsa.RSAPublicNumbers(int.from_bytes(cose[-2], "big"), int.from_bytes(cose[-1], "big")).public_key()
            self.check, self.public = (lambda sig, text: key.verify(sig, text, padding.PKCS1v15(), SHA256())), cose[-1]
        else:
            need(kind == -8, "a passkey signs in a way unknown to this script")
            self.check, self.public = ed25519.Ed25519PublicKey.from_public_bytes(cose[-2]).verify, cose[-2]
    def verify(self, message, signature):
        """What the authenticator signed names the message by its digest, the domain, and that the person was verified."""
        try:
            said = {name: unb64(value, url=True) for name, value in read_json(signature, "an assertion").items()}
            client, data = json.loads(said["clientDataJSON"]), said["authenticatorData"]
            host = re.fullmatch(r"(https?)://([^/:@]+)(:[0-9]+)?", client["origin"])
            need(client["type"] == "webauthn.get" and client["challenge"] == base64.urlsafe_b64encode(sha(message)).rstrip(b"=").decode(),
                 f"the passkey {self.named} signed something else")
            need(host and ("." + host[2]).endswith("." + self.rp_id) and (host[1] == "https" or host[2] == "localhost")
                 and not client.get("crossOrigin"), "a passkey signed on another's page")
            need(data[:32] == sha(self.rp_id.encode()) and data[32] & 5 == 5, "a passkey signed without the person, or for another domain")
            self.check(said["signature"], data + sha(said["clientDataJSON"]))
        except (InvalidSignature, ValueError, KeyError, TypeError, IndexError):
            raise No(f"the signature by {self.named} does not hold") from None

def cbor(data, at):
    """One value of CBOR, as far as keys need it: integers, bytes, maps of these; and where it ends."""
    kind, n, at = data[at] >> 5, data[at] & 31, at + 1
    if n > 23:
        size = 1 << n - 24
        n, at = int.from_bytes(data[at : at + size], "big"), at + size
    need(kind in (0, 1, 2, 5), "a key is not CBOR of integers and bytes")
    if kind < 2:
        return (n if kind == 0 else -1 - n), at
    if kind == 2:
        return data[at : at + n], at + n
    made = {}
    for _ in range(n):
        name, at = cbor(data, at)
        made[name], at = cbor(data, at)
    return made, at

def good_name(name):
    return 0 < len(name.encode()) < 256 and not any(c == "+" or c.isspace() or c < " " for c in name)

def open_note(raw, keys):
    """The text and the keys that signed; a trusted key's signature that does not hold spoils the note."""
    try:
        body = raw.decode()
    except UnicodeDecodeError:
        raise No("a note is not UTF-8") from None
    need(0 < len(raw) <= 64000 and not any(c < " " and c != "\n" for c in body), "a note holds control characters")
    cut = body.rfind("\n\n")
    lines, text, by = body[cut + 2 :].split("\n"), body[: cut + 1].encode(), []
    need(cut >= 0 and lines.pop() == "" and lines, "a note has no signatures")
    known = {(key.name, key.id): key for key in keys}
    for line in lines:
        name, _, blob = line.removeprefix("— ").partition(" ")
        data = unb64(blob)
        need(line.startswith("— ") and good_name(name) and len(data) >= 5, "a signature line is malformed")
        key = known.get((name, data[:4]))
        if key is not None:
            stamp = 4 if key.kind == 1 else 12
            need(len(data) == stamp + SIZES[key.kind][1], f"the signature by {name} has the wrong length")
            key.verify(signed_message(key, text, data[4:12]), data[stamp:])
            by.append(key)
    need(by, "no trusted key signed a note")
    return text, by

def signed_message(key, text, stamp):
    """What a key of its kind signs over a note's text (c2sp.org/tlog-cosignature)."""
    if key.kind == 1:
        return text
    if key.kind == 4:
        return b"cosignature/v1\ntime %d\n" % int.from_bytes(stamp, "big") + text
    origin, size, root = tree_head(text)
    name, log = (len(word).to_bytes(1, "big") + word for word in (key.name.encode(), origin.encode()))
    return b"subtree/v1\n\0" + name + stamp + log + bytes(8) + size.to_bytes(8, "big") + root

def tree_head(text):
    lines = text.decode().split("\n")
    need(len(lines) >= 4 and lines.pop() == "" and all(lines), "a checkpoint is malformed")
    need(re.fullmatch(r"0|[1-9][0-9]{0,19}", lines[1]) and int(lines[1]) < 2**64, "a checkpoint's size is malformed")
    need(len(unb64(lines[2])) == 32 and len(lines[0].encode()) < 256, "a checkpoint's root is malformed")
    return lines[0], int(lines[1]), unb64(lines[2])

class Trust:
    """c2sp.org/tlog-policy, with our `party ROLE KEY` lines.  A line that cannot be read ends the script."""
    def __init__(self, data):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, ""
        self.parties = {"vendor": [], "operator": []}
        for kind, *rest in (line.split() for line in data.decode().split("\n") if line.strip() and line.strip()[0] != "#"):
            if kind == "log":
                self.logs.append(Key(rest[0]))
            elif kind == "witness":
                self.witnesses[rest[0]] = Key(rest[1])
            elif kind == "group":
                self.groups[rest[0]] = ({"any": 1, "all": len(rest) - 2}.get(rest[1]) or int(rest[1]), rest[2:])
            elif kind == "quorum":
                self.quorum = rest[0]
            elif kind == "party":
                self.parties[rest[0]].append(Key(rest[1]))
            else:
                raise No(f"the trust file has a line that begins with {kind}")
    def met(self, name, by):
        if name in self.witnesses:
            return any(key.text == self.witnesses[name].text for key in by)
        k, members = self.groups.get(name, (0, ())) if name != "none" else (0, ())
        need(name == "none" or name in self.groups, "the trust file has no quorum")
        return sum(self.met(member, by) for member in members) >= k

# --- the tree (RFC 6962 section 2.1) in tiles (c2sp.org/tlog-tiles) ------------------------------------------------------

def fold(nodes):
    """The root over nodes of one level, the last of which may be an unfinished subtree's."""
    while len(nodes) > 1:
        odd = nodes[-1:] if len(nodes) % 2 else []
        nodes = [sha(b"\1", nodes[i], nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)] + odd
    return nodes[0]

def width(size, level, n):
    return min(256, (size >> 8 * level) - 256 * n)

def path(kind, n, w):
    text = f"{n % 1000:03d}"
    while n >= 1000:
        n //= 1000
        text = f"x{n % 1000:03d}/{text}"
    return f"tile/{kind}/{text}" + ("" if w == 256 else f".p/{w}")

def edge(size):
    """The unfinished tile of each level."""
    places = [(level, (size >> 8 * level) // 256) for level in range(-(-size.bit_length() // 8))]
    return [(level, n) for level, n in places if width(size, level, n)]

def wanted_tiles(size, leaves, earlier):
    places = set(edge(size))
    for place in [(0, n) for n in leaves] + edge(earlier):
        while place not in places:
            places.add(place)
            place = (place[0] + 1, place[1] // 256)
    return places

class Mirror:
    def __init__(self, files, size, root):
        self.files, self.size, self.known = files, size, {}
        self.edge = {place: self.raw(*place) for place in edge(size)}
        need(self.root_at(size) == root, "the tiles at the edge do not make up the checkpoint's root")
    def raw(self, level, n):
        data = self.files.read(path(level, n, width(self.size, level, n)), 8192)
        need(len(data) == 32 * width(self.size, level, n), "a tile has the wrong length")
        return [data[i : i + 32] for i in range(0, len(data), 32)]
    def tile(self, level, n):
        if (level, n) in self.edge:
            return self.edge[level, n]
        if (level, n) not in self.known:
            tile = self.raw(level, n)
            need(fold(tile) == self.tile(level + 1, n // 256)[n % 256], "a tile does not lead to the root")
            self.known = {**self.known, (level, n): tile} if len(self.known) < 64 else {(level, n): tile}
        return self.known[level, n]
    def root_at(self, size):
        rest = []
        for level, n in edge(size):
            rest = [fold(self.tile(level, n)[: width(size, level, n)] + rest)]
        return rest[0] if rest else sha()
    def entries(self, n):
        data, at, leaves = self.files.read(path("entries", n, width(self.size, 0, n)), 256 * 65537), 0, []
        while at < len(data):
            at, leaf = at + 2 + int.from_bytes(data[at : at + 2], "big"), at + 2
            leaves.append(data[leaf:at])
        need(at == len(data) and [sha(b"\0", leaf) for leaf in leaves] == self.tile(0, n), "a record is not the tree's")
        return leaves

# --- Cedar: the part that conditions may use -----------------------------------------------------------------------------

TOKEN = re.compile(r"\s*(?://[^\n]*\s*)*([A-Za-z_]\w*(?:::\"(?:[^\"\\]|\\.)*\")?|[0-9]+|&&|\|\||[=!<>]=|[<>!()\[\],.])")
SAID = {"&&": " and ", "||": " or ", "!": "1-", "true": "1", "false": "0", "if": "choose(", "then": ",", "else": ",", "in": " in ",
        "[": "Words((", "]": ",))", "principal": "principal", "action": "action", "resource": "resource"}
METHODS = ("contains", "containsAll", "containsAny", "isEmpty")

class Words(frozenset):
    """A set of words, with Cedar's names for its methods."""

    contains, containsAll, isEmpty = frozenset.__contains__, frozenset.issuperset, lambda self: not self
    def containsAny(self, other):
        return not self.isdisjoint(other)

def condition(text):
    """A Cedar expression, word by word as one of Python's; nothing but the words below can come into it.  The facts in it."""
    text, at, said, reads, ifs, last = re.sub(r"//[^\n]*\Z", "", text).rstrip(), 0, [], set(), [0], ""
    while at < len(text):
        match = TOKEN.match(text, at)
        need(match, "a condition has a sign that this script does not know")
        at, word = match.end(), match[1]
        if word in ")],":
            said.append(")" * ifs[-1] + (SAID.get(word, word)))
            ifs = ifs[:-1] if word != "," else [*ifs[:-1], 0]
        elif "::" in word:
            entity = repr((word.split("::")[0], json.loads(word.split("::", 1)[1])))
            said.append(f"({entity},)" if last == "in" else entity)
        elif word == last == "!":
            said.pop()
            word = ""
        elif last == "." and word not in METHODS:
            reads.add(word)
            said[-2:] = [f"context[{word!r}]"]
        else:
            need(word in SAID or word in METHODS or word == "context" or not word[0].isalpha(), f"a condition says {word}")
            ifs = [*ifs[:-1], ifs[-1] + 1] if word == "if" else [*ifs, 0] if word in "([" else ifs
            said.append(SAID.get(word, word))
        last = word
    names = {"Words": Words, "choose": lambda test, yes, no: yes if test else no, "__builtins__": {}}
    source = "lambda context, principal, action, resource: " + "".join(said) + ")" * ifs[0]
    try:
        return eval(source, names), reads
    except SyntaxError:
        raise No("a condition is no expression") from None

# --- signed documents (DSSE 1.0), the terms and the decision over them ---------------------------------------------------

def dsse(raw, kind, most=1 << 18):
    envelope = read_json(raw, "a signed document", exact=False)
    try:
        payload, sigs = unb64(envelope["payload"]), [(s["keyid"], unb64(s["sig"])) for s in envelope["signatures"]]
        kind = f"application/vnd.caveat.{kind}+json"
        need(envelope["payloadType"] == kind and len(sigs) <= 16 and len(raw) <= most, "it is another kind of document")
    except (KeyError, TypeError):
        raise No("a signed document is malformed") from None
    return payload, sigs, b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)

def signed_by(keys, sigs, message, whose, least=1):
    """So many of the keys must have signed, and what claims to be by one of them must hold: the ids of those."""
    found = []
    for key in keys:
        sig = next((sig for keyid, sig in sigs if keyid == key.named), None)
        if sig is not None and len(found) < least:
            key.verify(message, sig)
            found.append(key.named)
    need(len(found) >= least, f"the {whose} has not signed, or with too few keys")
    return set(found)

# --- a party's repository: The Update Framework 1.0, as far as its Ed25519 and ML-DSA keys go -----------------------------

def olpc(value):
    """TUF's canonical JSON: of all characters only the quotation mark and the backslash are escaped."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(olpc, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{olpc(name)}:{olpc(value[name])}" for name in sorted(value)) + "}"
    return json.dumps(value)

def tuf(text, kind, root=None):
    """The signed part of metadata that enough keys of the root signed; a first root's own."""
    whole = read_json(text.encode(), f"{kind} metadata", exact=False)
    try:
        signed, good = whole["signed"], set()
        root = root or signed
        role, message = root["roles"][kind], olpc(signed).encode()
        need(signed["_type"] == kind, f"expected {kind} metadata")
        for sig in whole["signatures"]:
            key = root["keys"].get(sig["keyid"]) if sig["keyid"] in role["keyids"] else None
            if key and key["keytype"] in ("ed25519", "ml-dsa"):
                with contextlib.suppress(InvalidSignature, ValueError):
                    public = key["keyval"]["public"]
                    by = (load_pem_public_key(public.encode()) if key["keytype"] == "ml-dsa"
                          else ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))
                    hashed = b"tuf\1" + hashlib.sha512(message).digest()  # TAP 21
                    by.verify(bytes.fromhex(sig["sig"]), hashed if key["keytype"] == "ml-dsa" else message)
                    good.add(sig["keyid"])
        need(len(good) >= role["threshold"] >= 1, f"too few keys have signed {kind} metadata")
        return signed
    except (KeyError, TypeError, AttributeError):
        raise No(f"{kind} metadata are malformed") from None

class Repository:
    """What a party lists: its newest root, and the targets that were seen last."""
    def __init__(self, text):
        self.text, self.root, self.files, self.last, self.until = text, tuf(text, "root"), {}, {}, 0
        self.roots = {digest(text.encode())}
    @property
    def role(self):
        return self.root["x_caveat"]["role"]
    @property
    def party(self):
        return self.root["x_caveat"]["party"]
    def terms_keys(self):
        pieces = [(i, self.root["keys"][i]["keyval"]["public"]) for i in sorted(self.root["roles"]["targets"]["keyids"])]
        return [Key(i + "+" + base64.b64encode(b"\1" + bytes.fromhex(public)).decode()) for i, public in pieces]
    def least(self):
        return self.root["roles"]["targets"]["threshold"]
    def see(self, doc, at_ms):
        listing = read_json(doc, "a listing", exact=False)
        roots = listing["roots"]
        need(self.text in roots, "a listing lacks the trusted root")
        chain = [tuf(text, "root") for text in roots]
        for text, old, new in zip(roots[1:], chain, chain[1:]):
            need(new["version"] == old["version"] + 1 and tuf(text, "root", old), "a root does not follow the one before")
        self.roots |= {digest(text.encode()) for text in roots[roots.index(self.text):]}
        self.text, self.root = roots[-1], chain[-1]
        stamp, snapshot, targets = (tuf(listing[kind], kind, self.root) for kind in ("timestamp", "snapshot", "targets"))
        for above, name, kind, below in ((stamp, "snapshot.json", "snapshot", snapshot), (snapshot, "targets.json", "targets", targets)):
            meta, data = above["meta"][name], listing[kind].encode()
            need(meta["version"] == below["version"], "metadata were mixed")
            need(meta["hashes"]["sha256"] == sha(data).hex() and meta["length"] == len(data), "metadata were mixed")
        self.until = min(moment(one["expires"], 0) for one in (self.root, stamp, snapshot, targets))
        need(at_ms < self.until, "a listing had expired when it was looked at")
        version, text = self.last.get("version", 0), self.last.get("text", "")
        need(stamp["version"] > version or listing["timestamp"] == text, "a listing is older than one seen before")
        self.last = {"version": stamp["version"], "text": listing["timestamp"]}
        self.files = {path: file["hashes"]["sha256"] for path, file in targets["targets"].items()}

def section(yaml, key):
    """The lines of a top-level key, without comments."""
    found = re.search(rf"(?ms)^{key}:(.*?)(?=^[A-Za-z_]+:|\Z)", yaml)
    return re.sub(r"(?m)(^|\s)#.*$", "", found[1]) + "\n" if found else ""

def scalar(yaml, key):
    found = re.search(rf"(?m)(?:^|[{{ ]){key}: *[\"']?([^\"'#,\n}}]+?)[\"']? *(?:[#,}}].*)?$", yaml)
    need(found, f"the terms have no {key}")
    return found[1]

def mapping(yaml, key):
    return dict(re.findall(r"([\w-]+): *[\"']?([^\"',}\s]+)", section(yaml, key)))

def moment(text, days):
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    at = at if len(text) > 10 else at.replace(tzinfo=timezone.utc) + timedelta(days=days)
    return int(at.timestamp()) * 1000

FOREVER = 2**53 - 1

def phase(lease, grant, at, used):
    """What terms allow at a time, once so many calls were made: all (running), what goes on (continuity), nothing (lapsed)."""
    if not lease or (at < lease["until"] and used < lease["calls"]):
        return "running"
    after = "revocation" if lease["by"] else "lapse"
    on = grant and after in grant["after"] and lease["by"] != "operator"
    days = grant["days"] * 86400000 if grant else 0
    before = min(lease["until"] + days, lease["lapsed"] + days if days and lease.get("lapsed") else FOREVER)
    beyond = on and at < before and used < lease["calls"] + grant["calls"]
    return "continuity" if beyond else "lapsed"

def lasting(yaml):
    """The lease that a pair begins with, and what goes on after it; None for what the terms do not have."""
    lease, grant = mapping(yaml, "lease"), section(yaml, "continuity")
    until = moment(lease["until"], 1) if "until" in lease else FOREVER
    own = {"until": until, "calls": int(lease.get("calls", FOREVER)), "issued": 0, "by": ""} if lease else None
    if not grant:
        return own, None
    listed = {key: re.findall(r"[\w-]+", (re.search(rf"\b{key}:\s*(\[[^\]]*\]|(?:\n\s*- [^\n]+)+)", grant) or ["", ""])[1])
              for key in ("purposes", "after")}
    numbers = {key: int((re.search(rf"\b{key}: *([0-9]+)", grant) or ["", "0"])[1]) for key in ("days", "calls")}
    return own, numbers | {"purposes": listed["purposes"], "after": listed["after"] or ["lapse"]}

class Terms:
    """Signed terms, as far as a decision needs them: the Cedar text with its notes, and a few lines of the YAML."""
    def __init__(self, raw, trust, least=None):
        need(not {k.public for k in trust["vendor"]} & {k.public for k in trust["operator"]}, "one key for two parties")
        payload, sigs, message = dsse(raw, "terms", 1 << 23)
        by = {role: signed_by(trust[role], sigs, message, role, (least or {}).get(role, 1)) for role in ("vendor", "operator")}
        self.vendor = by["vendor"]
        claim = read_json(payload, "terms")
        self.digest, yaml, self.memory = digest(payload), claim["yaml"], {}
        self.id, self.version = scalar(yaml, "id"), int(scalar(yaml, "version"))
        valid, self.rule = mapping(yaml, "valid"), {"approvers": "2", "vendor": "0"} | mapping(yaml, "waivers")
        self.start, self.until = moment(valid["from"], 0), moment(valid["until"], 1)
        self.lease, self.grant = lasting(yaml)
        self.names = set(re.findall(r"\bname: *[\"']?([^\"',}\n]+)", section(yaml, "parties")))
        self.reader = mapping(yaml, "recognizer").get("weights")
        self.sealed = section(yaml, "seals")
        self.thresholds = {code: int(least) for code, least in mapping(yaml, "thresholds").items()}
        self.purposes = set(re.findall(r"[^\s\[\],\"']+", re.sub(r"(?m)^\s*- ", "", section(yaml, "purposes"))))
        self.models = set(re.findall(r"\balias: *[\"']?([^\"',}\s]+)", section(yaml, "models")))
        block = section(yaml, "seals")
        self.seals = set(re.findall(r"\bvkey[\"']?: *[\"']?([^\"',}\s]+)", block))
        named = " ".join(re.findall(r"\bmodels[\"']?: *(\[[^\]]*\]|(?:\n *- [^\n]+)+)", block))
        self.sealed = bool(self.seals) and self.models <= set(re.findall(r"[^\s\[\],\"']+", re.sub(r"(?m)^\s*- ", "", named)))
        schema = json.loads(claim["schema"])[""]
        self.lists = {kind: set(of["enum"]) for kind, of in schema["entityTypes"].items() if "enum" in of}
        self.types = schema["actions"]["chat"]["appliesTo"]["context"]["attributes"]
        self.clauses, self.persons = {}, {}
        form = r"((?:@\w+\(\"(?:[^\"\\]|\\.)*\"\)\n)+)\w+ \(principal, action, resource\)\nwhen \{\n(.*?)\n\};\n"
        for notes, when in re.findall(form, claim["cedar"], re.S):
            notes = {k: json.loads(v) for k, v in re.findall(r"@(\w+)\((\"(?:[^\"\\]|\\.)*\")\)\n", notes)}
            self.clauses[notes["id"]] = notes | dict(zip(("when", "reads"), condition(when)))
        for block in re.split(r"(?m)^ *- (?=id:|\{id:)", section(yaml, "clauses"))[1:]:
            count = re.search(r"\bapprovers: *([0-9]+)", block)
            self.persons[scalar(block, "id")] = int(count[1]) if count else 1
        self.reads = sorted({name for clause in self.clauses.values() for name in clause["reads"]})
    def over(self, scores):
        default = self.thresholds["default"]
        known = self.lists["Hazard"]
        return sorted(c for c, score in scores.items() if c in known and score >= self.thresholds.get(c, default))
    def holds(self, facts):
        """Ids of the clauses that hold, sorted; None where the facts do not fit the signed schema."""
        seen = [self.seen(facts, name) for name in self.reads]
        at = (facts["caller"], facts["operation"], facts["model"], *seen)
        if at not in self.memory:
            self.memory = self.memory if len(self.memory) < 1 << 16 else {}
            env = (dict(zip(self.reads, seen)), ("Caller", at[0]), ("Action", at[1]), ("Model", at[2]))
            fits = None not in seen and at[2] in self.lists["Model"]
            self.memory[at] = sorted(i for i, c in self.clauses.items() if c["when"](*env)) if fits else None
        return self.memory[at]
    def seen(self, facts, name):
        """A fact as conditions see it; None where it is not in the signed schema."""
        scores, _, code = name.partition("_")
        value, kind = facts[scores].get(code, 0) if code else facts.get(name), self.types[name]
        if kind["type"] == "Entity":
            return (kind["name"], value) if value in self.lists[kind["name"]] else None
        if kind["type"] == "Set":
            of = kind["element"]["name"]
            return Words((of, word) for word in value) if set(value) <= self.lists[of] else None
        return value
    def decide(self, facts, lifts, lapsed=False):
        """The decision, as a record would hold it but for its engine."""
        held = self.holds(facts)
        made = {"held": held or [], "unmet": [], "waived": [], "errors": [], "duties": [], "terms": self.digest}
        if held is None:
            no_fit = [["", "the facts do not fit the terms' fact schema"]]
            return made | {"verdict": "deny", "rule": "error", "clauses": [], "errors": no_fit}
        waived = {}
        for lift in sorted(lifts, key=lambda w: (w["kind"], w["id"])):
            waived |= {c: lift["id"] for c in held if c not in waived and self.lifts(lift, c, facts)}
        live = {e: [c for c in held if self.clauses[c]["effect"] == e and c not in waived] for e in ("forbid", "hold", "permit")}
        listed = {f for c in live["permit"] for f in self.clauses[c].get("fields", "").split()}
        duties = {tuple(duty.partition("=")[::2]) for c in held for duty in self.clauses[c].get("duties", "").split()}
        waivers = {lift["id"] for lift in lifts if lift["kind"] == "waiver"} & set(waived.values())
        made |= {"waived": sorted([c, w] for c, w in waived.items()), "duties": united(duties)}
        if lapsed:
            return made | {"waived": [], "verdict": "deny", "rule": "lapsed", "clauses": []}
        if live["forbid"]:
            return made | {"verdict": "deny", "rule": "forbid", "clauses": live["forbid"]}
        if facts["unknownFields"] or facts["unreadParts"] or not set(facts["fields"]) <= listed:
            return made | {"verdict": "deny", "rule": "unreadable", "clauses": []}
        if live["hold"]:
            return made | {"verdict": "hold", "rule": "hold", "clauses": live["hold"]}
        if not live["permit"]:
            unmet = sorted(c for c, clause in self.clauses.items() if clause["effect"] == "permit")
            return made | {"verdict": "deny", "rule": "no-permit", "clauses": [], "unmet": unmet}
        rule = "waiver" if waivers else "approval" if waived else "permit"
        return made | {"verdict": "allow", "rule": rule, "clauses": live["permit"]}
    def lifts(self, lift, clause, facts):
        effect = self.clauses[clause]["effect"]
        may = effect == "hold" if lift["kind"] == "approval" else self.clauses[clause]["waivable"] == "true"
        rank, at = lift["max_rank"], facts["epoch"] * 1000
        return (may and effect in ("forbid", "hold") and clause in lift["clauses"] and lift["terms"] == self.digest
                and lift["from_ms"] <= at < lift["until_ms"] and (rank < 0 or facts["labelRank"] <= rank)
                and all(not lift[f"{name}s"] or facts[name] in lift[f"{name}s"] for name in ("caller", "purpose", "model"))
                and (not lift["case"] or facts["caseGiven"]))

def united(duties):
    """Duties of several clauses as one list: the strictest value of those that count, each other value once."""
    found, numbers = [], {"limit.tokens": min, "retain.days": max}
    for name in {name for name, _ in duties}:
        values = {value for of, value in duties if of == name}
        most = {""} if name == "redact.output" and "" in values else values - {""} or values
        values = {numbers[name](map(int, values))} if name in numbers else most
        found += [{"name": name, "value": value} for value in values]
    return sorted(found, key=lambda duty: (duty["name"], str(duty["value"])))

# --- records ---

KINDS = {"v": int, "k": str, "g": str, "t": int, "call": str, "terms": str, "o": str, "at": int, "tok": list, "what": str,
         "id": str, "doc": str, "w": list, "m": str, "c": dict}
BLANK = {"call": "", "terms": "", "o": "", "at": -1, "tok": None, "what": "", "id": "", "doc": "", "w": [], "m": "", "c": {}}
ENDINGS = ("", "completed", "denied", "held", "stopped", "withheld", "broken", "aborted", "unknown")
GROUPS = {  # a letter for each type: s text, i integer, b boolean, l list of texts, d scores by name
    "who": "caller:s callerKind:s clearanceRank:i",
    "what": "operation:s model:s modelKind:s streaming:b choices:i charsIn:i tokensOutMax:i modalities:l structured:b fields:l "
            "unknownFields:i unreadParts:i",
    "why": "purpose:s outputUse:s effect:s regulatedArea:s oversight:s caseGiven:b",
    "data": "labelRank:i labelSource:s caveats:l personalData:s secretsIn:b",
    "content": "pm:d hazardsIn:l voicedIn:l hazardPermille:i hiddenText:l languageUncovered:b detector:s guard:s guardHazards:l",
    "tools": "tools:l unlistedTools:i sideEffect:s", "place": "network:s posture:s epoch:i",
    "reply": "pmOut:d stage:s hazardsOut:l labelRankOut:i personalDataOut:s secretsOut:b toolsCalled:l unlistedCalls:i "
             "sideEffectOut:s"}
LATER = {"guard", "guardHazards"}  # records of before have them not
TYPES = {"s": lambda v: type(v) is str, "i": lambda v: type(v) is int, "b": lambda v: type(v) is bool,
         "l": lambda v: type(v) is list and all(type(w) is str for w in v),
         "d": lambda v: type(v) is dict and all(type(n) is int for n in v.values())}
MUST = {"opened": {*GROUPS, "decision", "request"}, "completed": {"reply", "decision", "answer"}}
MUST["stopped"] = MUST["withheld"] = MUST["broken"] = MUST["aborted"] = MUST["completed"]

def read_leaf(data):
    leaf = read_json(data, "a record")
    need(type(leaf) is dict and {"v", "k", "g", "t"} <= set(leaf), "a record lacks a field")
    need(all(type(value) is KINDS.get(name) for name, value in leaf.items()), "a record has a field of another kind")
    leaf = BLANK | leaf
    tok, w = leaf["tok"] or [0, 0], leaf["w"]
    need(leaf["v"] == 1 and leaf["k"] in ("opened", "settled", "refused", "control") and leaf["o"] in ENDINGS
         and len(tok) == 2 and all(type(n) is int and n >= 0 for n in tok), "a record has an impossible kind, ending or count")
    need(all(type(v) is str for v in (*leaf["c"].values(), *w)) and w == sorted(set(w)), "a record has impossible lists")
    need(not w or leaf["k"] in ("opened", "settled"), "a record spends what it cannot")
    need(not leaf["m"] or leaf["k"] == "settled", "a record bears a seal's ticket that it cannot")
    return leaf

def disclosed(leaf, disclosures):
    """Values by name, each found to be what the record committed to (RFC 9901 section 4.2)."""
    values = {}
    for text in disclosures:
        triple = read_json(unb64(text, url=True), "a disclosure")
        need(type(triple) is list and len(triple) == 3 and all(type(part) is str for part in triple[:2]), "a disclosure is malformed")
        made = base64.urlsafe_b64encode(sha(text.encode())).rstrip(b"=").decode()
        need(triple[1] not in values and leaf["c"].get(triple[1]) == made, f"{triple[1]} is not what was committed to")
        values[triple[1]] = triple[2]
    return values

def facts_in(values, groups):
    """The facts of these groups, None where one is withheld."""
    if not all(group in values for group in groups):
        return None
    facts = {}
    for group in groups:
        kinds = dict(field.split(":") for field in GROUPS[group].split())
        given = set(values[group]) if type(values[group]) is dict else set()
        need(set(kinds) - LATER <= given <= set(kinds), f"the facts of {group} are not those there are")
        need(all(TYPES[kinds[name]](value) for name, value in values[group].items()), f"a fact of {group} is of another kind")
        facts |= values[group]
    return facts

# --- what is in force: the control records, folded ---

NOTED = ("log.opened", "evaluated", "gateway.stopped", "gateway.started", "coverage.measured", "clock.back",
         "clock.ahead",
         "end.stated", "talks.step", "meter.beat", "meter.tickets", "content.viewed", "vendor.notified",
         "bodies.destroyed", "evidence.exported", "evidence.challenged", "evidence.answered")
CLAIM = {"about": 80, "says": 2000, "how": 20, "said": 20, "standing": 20, "clause": 80, "by": 200, "link": 1000, "digest": 71,
         "disputes": 18, "review": 200}
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
REFUSAL = b'"payloadType":"application/vnd.caveat.hold-refusal+json"'

class Register:
    def __init__(self):
        self.trust, self.terms, self.newest, self.closed, self.keys = {"vendor": [], "operator": []}, {}, {}, set(), set()
        self.approvers, self.lifts, self.decided, self.exports, self.granted = [], {}, set(), {}, {}
        self.spans, self.seen, self.unknown, self.documents, self.leases = [], {}, set(), {}, {}
        self.repositories, self.vendors, self.seals, self.bare = {}, {}, set(), []
        self.standby, self.moved, self.claims = {}, {}, {}
    def add(self, index, leaf, doc):
        """One control record; `doc` is the document that it names, None where the profile withholds it."""
        what, id_ = leaf["what"], leaf["id"]
        if what == "party.trusted":
            party = read_json(doc, "a party", exact=False)
            self.bare += [Key(party["vkey"])] if party["role"] == "vendor" else []
            for keys in self.trust.values():
                keys[:] = [key for key in keys if key.text != party["vkey"]]
            if not any(one.role == party["role"] for one in self.repositories.values()):
                self.trust[party["role"]].append(Key(party["vkey"]))
        elif what in ("party.rooted", "party.seen"):
            if what == "party.rooted":
                need(id_ not in self.repositories, "a second root was trusted for one party")
                self.repositories[id_] = Repository(doc.decode())
            else:
                self.repositories[id_].see(doc, leaf["t"])
            one = self.repositories[id_]
            need(one.party == id_, "a repository is another party's")
            kept = [other for other in self.repositories.values() if other.role == one.role]
            self.trust[one.role] = [key for other in kept for key in other.terms_keys()]
        elif what == "party.moved":
            self.party_moved(id_, doc)
        elif what == "terms.adopted":
            signed = {keyid for keyid, _ in dsse(doc, "terms", 1 << 23)[1]}
            meant, trust = {}, dict(self.trust)
            for one in self.repositories.values():
                count = sum(key.named in signed for key in one.terms_keys())
                if one.role not in meant or count > meant[one.role][0]:
                    meant[one.role] = (count, one)
            for role, (_, one) in meant.items():
                trust[role] = one.terms_keys()
            terms = self.seen[digest(doc)] = Terms(doc, trust, {role: one.least() for role, (_, one) in meant.items()})
            for _, one in meant.values():
                listed = one.files.get(f"terms/{terms.id}@{terms.version}.json")
                need(listed == sha(doc).hex() and leaf["t"] < one.until, f"{one.party} did not list the terms adopted")
            vendor = meant["vendor"][1].party if "vendor" in meant else ""
            need(self.vendors.setdefault(terms.id, vendor) == vendor, "another vendor signed a later version of terms")
            version, pair = self.newest.get(terms.id, (0, ""))
            need(terms.digest not in self.closed, "terms were adopted again that a party had ended for good")
            need(terms.version > version or (terms.version, terms.digest) == (version, pair), "older terms were adopted")
            if terms.id in self.terms and self.terms[terms.id].digest != terms.digest:
                self.leases.pop(self.terms[terms.id].digest, None)
            if terms.lease:
                self.leases.setdefault(terms.digest, terms.lease)
            self.newest[terms.id], self.terms[terms.id] = (terms.version, terms.digest), terms
            self.seen[terms.digest], self.documents[terms.digest] = terms, doc
            self.seals |= terms.seals
        elif what == "terms.ended":
            ended = self.terms[id_]
            if not doc or not self.shortened(ended, leaf["t"], doc):
                del self.terms[id_]
            if id_ not in self.terms or self.leases[ended.digest]["until"] <= leaf["t"]:
                self.move_on(id_, index)
        elif what == "terms.renewed":
            self.renewed(self.terms[id_], leaf["t"], doc)
        elif what in ("key.new", "key.revoked"):
            need((id_ in self.keys) == (what == "key.revoked"), "a key's name is used again, or was never made")
            made = read_json(doc, "a key", exact=False) if doc else {"secret_digest": 0, "caller": 0}
            need(what == "key.revoked" or (leaf["doc"] and {"secret_digest", "caller"} <= set(made)), "a key's document is none")
            self.keys.add(id_)
        elif what == "key.budgeted":
            need(id_ in self.keys and leaf["doc"], "a budget was set for a key that was never made")
        elif what == "approver.trusted":
            person = self.approver(leaf, doc)
            self.approvers.append(person)
        elif what == "approver.removed":
            kept = [a for a in self.approvers if a["person"] != id_]
            need(len(kept) < len(self.approvers), "an approver was removed who is none")
            self.approvers = kept
        elif what == "lease.lapsed":
            lease = self.leases[self.terms[id_].digest]
            need(not lease.get("lapsed") and (leaf["t"] >= lease["until"] or lease["calls"] < FOREVER), "a lease lapsed twice, or too early")
            self.leases[self.terms[id_].digest] = lease | {"lapsed": max(leaf["t"], 1)}
            self.move_on(id_, index, lapsed=True)
        elif what == "alias.standby" and not doc:
            need(self.standby.pop(id_, None), "nothing stood by for an alias")
        elif what in ("alias.standby", "alias.switched"):
            target = self.target(id_, doc, index)
            need(what == "alias.switched" or self.served(id_) != target["terms"], "what stands by is what serves")
            self.standby.pop(id_, None)
            (self.moved if what == "alias.switched" else self.standby)[id_] = target
        elif what == "terms.claimed":
            self.claimed(id_, doc)
        elif what == "claim.reviewed":
            review = read_json(doc, "a review", exact=False)
            need(self.claims.pop(id_, {"review": ""})["review"] and set(review) == {"v", "by", "found"} and review["v"] == 1
                 and 1 <= len(review["by"]) <= 100 and 1 <= len(review["found"]) <= 2000, "a review of no claim that waits for one")
            self.claims[id_] = {"review": ""}
        elif what == "waiver.refused" or (what == "hold.decided" and doc and REFUSAL in doc):
            self.refused(leaf, doc)
            self.decided.add(id_)
        elif what == "waiver.granted" or (what == "hold.decided" and doc):
            lift = self.lift(doc, leaf)
            need(lift["id"] == id_ and id_ not in self.decided, "a waiver or a hold was decided twice, or is another's")
            self.lifts[id_] = self.granted[id_] = lift
            self.decided.add(id_)
        elif what == "waiver.ended":
            need(self.lifts.pop(id_, {}).get("kind") == "waiver", "a waiver was ended that is none")
        elif what == "hold.decided":
            need(id_ not in self.decided, "a hold was decided twice")
            self.decided.add(id_)
        elif what == "evidence.exported" and leaf["doc"]:
            said = read_json(doc, "an export")
            export, last = said["export"], self.exports.get(id_, {"number": 0, "size": 0})
            need(said["receiver"] == id_ and export["number"] == last["number"] + 1, "an export has another number than is due")
            need(0 <= export["from"] <= export["to"] <= export["size"] <= index and export["size"] >= last["size"],
                 "an export is of records that were not there yet")
            self.exports[id_] = export
        elif what == "bodies.destroyed":
            gone = read_json(doc, "what was destroyed", exact=False)
            need(set(gone) == {"v", "bodies"} and gone["v"] == 1 and str(len(gone["bodies"])) == id_
                 and all(type(one) is list and list(map(type, one)) == [str, str] for one in gone["bodies"]), "other bodies were destroyed")
        elif what not in (*NOTED, "vendor.notified"):
            self.unknown.add(what)
        if what == "hold.decided":
            self.lifts = {i: w for i, w in self.lifts.items() if w["kind"] == "waiver" or w is self.lifts.get(id_) or leaf["t"] < w["until_ms"]}
        for span in self.spans:
            now = self.terms.get(span["id"])
            span["ended"] = index if span["ended"] < 0 and (not now or now.digest != span["digest"]) else span["ended"]
        live = {span["digest"] for span in self.spans if span["ended"] < 0}
        self.spans += [{"adopted": index, "digest": t.digest, "ended": -1, "id": i} for i, t in self.terms.items() if t.digest not in live]
    def served(self, alias):
        """The id of the terms that an alias is served under."""
        if alias in self.moved:
            return self.moved[alias]["terms"]
        waits = self.standby.get(alias, {})
        named = (i for i, terms in self.terms.items() if alias in terms.models and (waits.get("terms"), waits.get("model")) != (i, alias))
        return next(named, "")
    def target(self, alias, doc, index):
        said = read_json(doc, "where an alias goes", exact=False)
        need({"terms", "model"} <= set(said) <= {"terms", "model", "on_lapse"} and type(said.get("on_lapse", False)) is bool
             and said["terms"] in self.terms and said["model"] in self.terms[said["terms"]].models, "an alias goes where no terms cover it")
        need(alias in self.moved or any(alias in terms.models for terms in self.terms.values()), "an alias moves that no terms cover")
        return said | {"at": index}
    def move_on(self, ended, index, lapsed=False):
        """Terms have ended, or lapsed: what was served under them goes to what stands by."""
        for alias, target in list(self.standby.items()):
            under = self.moved[alias]["terms"] == ended if alias in self.moved else self.served(alias) in ("", ended)
            if lapsed and (not target.get("on_lapse") or target["terms"] == ended):
                continue
            if target["terms"] == ended:
                del self.standby[alias]
            elif target["terms"] in self.terms and under:
                self.moved[alias] = self.standby.pop(alias) | {"at": index}
    def claimed(self, id_, doc):
        """What somebody said about terms: it has its one form, and a signature that it claims to bear holds."""
        payload, signed = doc, b'"payloadType"' in doc
        if signed:
            payload, sigs, message = dsse(doc, "claim", 1 << 15)
            key = next(key for keys in self.trust.values() for key in keys if key.named in dict(sigs))
            key.verify(message, dict(reversed(sigs))[key.named])
        claim = read_json(payload, "a claim")
        need(len(doc) <= 1 << 15 and set(claim) == {*CLAIM, "v", "through"} and claim["v"] == 1 and len(claim["through"]) <= 16
             and all(len(claim[name]) <= most for name, most in CLAIM.items()) and all(len(one) <= 200 for one in claim["through"])
             and claim["about"] and claim["says"] and claim["how"] in ("quoted", "paraphrased"), "a claim is none")
        need(moment(claim["said"], 0) >= 0 and re.fullmatch(r"[0-9-]{10}(T[0-9:]{8}Z)?", claim["said"]), "a claim's day is none")
        texts = (claim["says"], claim["by"], claim["review"], claim["link"], *claim["through"])
        need(not any(UNSEEN.search(text) for text in texts), "a claim holds a control character")
        need(re.fullmatch(r"|sha256:[0-9a-f]{64}", claim["digest"]) and re.fullmatch(r"|c-[0-9a-f]{16}", claim["disputes"]), "a digest is none")
        need(claim["standing"] in ("stated", "reported", "disputed", "unverified"), "a claim has a standing that there is none of")
        need(claim["standing"] != "stated" or (claim["by"] and not claim["through"]), "a claim is stated by nobody")
        need(claim["standing"] != "reported" or claim["by"] or claim["through"], "a claim is reported by nobody")
        need(id_ == "c-" + sha(doc).hex()[:16] and id_ not in self.claims, "a claim is another's, or on record twice")
        need(not claim["disputes"] or claim["disputes"] in self.claims, "a claim disputes what is not on record")
        named = self.terms.get(claim["about"].partition("@")[0])
        need(claim["standing"] != "stated" or not named or claim["by"] in named.names, "a claim is stated by no party of the terms")
        self.claims[id_] = claim
    def vendor_keys(self, id_):
        """Those of the vendor that signed the terms, none of another vendor."""
        own = self.repositories.get(self.vendors.get(id_, ""))
        signed = self.terms[id_].vendor if id_ in self.terms else set()
        return own.terms_keys() if own else [key for key in self.trust["vendor"] if key.named in signed] or self.trust["vendor"]
    def shortened(self, terms, at, doc):
        """Whether a party's word leaves something of the terms: until the day of its notice, or their continuity."""
        note, by = open_note(doc, [*self.vendor_keys(terms.id), *self.trust["operator"]])
        said = note.decode().split("\n")
        need(said[0] == "caveat-end/v1" and said[2] == terms.digest and len(said) in (5, 6), "another pair was ended")
        need(len(said) == 5 or said[4].startswith("ends "), "a party's word cannot be read")
        self.closed.add(terms.digest)
        lease = self.leases.pop(terms.digest, {"until": FOREVER, "calls": FOREVER, "issued": 0})
        day = moment(said[4].removeprefix("ends "), 0) if len(said) == 6 else 0
        role = "vendor" if any(key.text == own.text for own in self.vendor_keys(terms.id) for key in by) else "operator"
        lease = lease | {"until": min(lease["until"], max(day, at)), "by": role}
        after = terms.grant and role == "vendor" and "revocation" in terms.grant["after"]
        if lease["until"] > at or after:
            self.leases[terms.digest] = lease
        return terms.digest in self.leases
    def renewed(self, terms, at, doc):
        note, by = open_note(doc, self.vendor_keys(terms.id))
        vendor = self.repositories.get(self.vendors.get(terms.id, ""))
        need(len({key.text for key in by}) >= (vendor.least() if vendor else 1), "too few keys renewed a lease")
        kind, _, pair, issued, until, calls, end = note.decode().split("\n")
        (a, issued), (b, until), (c, calls) = (line.split(" ") for line in (issued, until, calls))
        need((kind, pair, a, b, c, end) == ("caveat-renewal/v1", terms.digest, "issued", "until", "calls", ""), "another pair was renewed")
        lease, new = self.leases[terms.digest], {"issued": moment(issued, 0), "by": ""}
        new["until"], new["calls"] = FOREVER if until == "-" else moment(until, 0), FOREVER if calls == "-" else int(calls)
        need(terms.lease and not lease["by"] and new["issued"] > lease["issued"] and new["until"] > at, "a renewal does not hold")
        self.leases[terms.digest] = new
    def party_moved(self, party, doc):
        """A repository stands in the place of the bare key that signed terms, by that key's word."""
        payload, sigs, message = dsse(doc, "party-move", 1 << 16)
        said, bare = read_json(payload, "a move"), [key for key in self.bare if key.named in dict(sigs)]
        signed_by(bare, sigs, message, "vendor", max(len(bare), 1))
        need(said["party"] == party and said["role"] == self.repositories[party].role == "vendor" and said["root"] in self.repositories[party].roots, "a move is to another root")
        by = {key.named for key in bare}
        moved = {i: party for i, terms in self.terms.items() if not self.vendors.get(i) and terms.vendor <= by}
        need(moved, "a move is of a key that signed no terms in force")
        self.vendors |= moved
    def approver(self, leaf, doc):
        payload, sigs, message = dsse(doc, "approver", 1 << 16)
        person = read_json(payload, "an approver") | {"doc": doc}
        claimed = [key for key in self.trust[person["side"]] if key.named in dict(sigs)]
        signed_by(claimed, sigs, message, person["side"], max(len(claimed), 1))
        root, named = person.get("root"), {key.named for key in claimed}
        own = {name for name, one in self.repositories.items() if {key.text for key in one.terms_keys()} & {key.text for key in claimed}}
        own = {name for name in own if not root or root in self.repositories[name].roots}
        need(own or not root, "an approver is named under a root that is not trusted")
        person["by"] = own | ({root} if root else named)
        passkey = unb64(person["vkey"].split("+", 2)[-1])[:1] == b"\xff"
        person["key"] = Passkey(person["vkey"]) if passkey else Key(person["vkey"])
        need(person["person"] == leaf["id"], "an approver is named otherwise than in the record")
        for other in self.approvers:
            same, key = other["person"] == person["person"], other["key"].public == person["key"].public
            need(other["side"] == person["side"] if same else not key, "an approver stands on two sides, or shares a key")
            need(not same or person["side"] != "vendor" or other["by"] & person["by"], "an approver was named by two vendors")
        self.approvers = [other for other in self.approvers if other["vkey"] != person["vkey"]]
        return person
    def heard(self, pair):
        """Who counts on exceptions under these terms: the operator's approvers, and those whom the vendor of the terms named."""
        terms = next((t for t in self.terms.values() if t.digest == pair), None)
        vendor = self.vendors.get(terms.id, "") if terms else ""
        own = {vendor, *(key.named for key in self.repositories[vendor].terms_keys())} if vendor else terms.vendor if terms else set()
        return [person for person in self.approvers if person["side"] != "vendor" or person["by"] & own]
    def refused(self, leaf, doc):
        """A held call, or a waiver that was asked for, that a person refused by signing; a waiver maybe by nobody's signature."""
        waiver = leaf["what"] == "waiver.refused"
        if waiver and not doc:
            need(re.fullmatch("w-[0-9a-f]{16}", leaf["id"]) and leaf["id"] not in self.decided, "a waiver was decided twice, or is none")
            return
        payload, sigs, message = dsse(doc, "waiver-refusal" if waiver else "hold-refusal")
        named = "w-" + hashlib.sha256(payload).hexdigest()[:16] if waiver else read_json(payload, "a refusal")["hold"]
        heard = self.heard(read_json(payload, "a refusal")["terms"])
        by = [person for person in heard for keyid, sig in sigs if person["key"].named == keyid]
        for person in by:
            person["key"].verify(message, dict(sigs)[person["key"].named])
        need(by and named == leaf["id"] not in self.decided, "a refusal is nobody's, or of another hold")
    def lift(self, doc, leaf):
        """A waiver, or an approval of a held call, once enough persons signed who did not ask for it themselves."""
        kind = "waiver" if leaf["what"] == "waiver.granted" else "hold"
        payload, sigs, message = dsse(doc, kind)
        ask = read_json(payload, f"a {kind}")
        terms = next((t for t in self.terms.values() if t.digest == ask["terms"]), None)
        need(terms and leaf["t"] < ask["until_ms"], f"a {kind} is for terms not in force, or had lapsed")
        clauses, persons = terms.clauses, {}
        without = {ask["requester"]} if kind == "waiver" else {ask["caller"], ask["caller"].lower()}
        for keyid, sig in sigs:
            for person in self.heard(ask["terms"]):
                if person["key"].named == keyid:
                    person["key"].verify(message, sig)
                    persons[person["person"]] = person["side"]
        sides = [side for person, side in persons.items() if person not in without]
        if kind == "waiver":
            need(all(clauses.get(c, {}).get("waivable") == "true" for c in ask["clauses"]), "a waiver lifts what none can")
            need(ask["from_ms"] < ask["until_ms"] <= ask["from_ms"] + 366 * 86400000, "a waiver lasts too long")
            need(set(ask["purposes"]) <= terms.purposes and set(ask["models"]) <= terms.models, "a waiver's scope is unknown")
            need(len(sides) >= int(terms.rule["approvers"]) and sides.count("vendor") >= int(terms.rule["vendor"]),
                 "a waiver has too few approvers")
            return ask | {"kind": "waiver", "id": "w-" + sha(payload).hex()[:16]}
        reviews = {c for c in clauses if ask.get("reply") and "review.human" in clauses[c].get("duties", "").split()}
        need(all(c in reviews or clauses.get(c, {}).get("effect") == "hold" for c in ask["clauses"]), "a hold is of a clause that holds nothing")
        need(len(sides) >= max(terms.persons[c] for c in ask["clauses"]), "a held call has too few approvers")
        scope = {"callers": [ask["caller"]], "purposes": [ask["purpose"]], "models": [ask["model"]]}
        return ask | scope | {"kind": "approval", "id": ask["hold"], "max_rank": ask["rank"], "max_uses": 1, "case": ""}

# --- the seals' counts ---

N, H = r"(0|[1-9][0-9]{0,14})", r"([A-Za-z0-9_-]{43})"
TICKET = re.compile(rf"(caveat-meter/v1 ([!-~]{{1,120}}) ([1-9][0-9]{{0,9}}) ([1-9][0-9]{{0,14}}) ([0-9a-f]{{32}}) {H} {H} (-|{N}) (-|{N}) "
                    rf"(?:done|cut|failed|unknown) (?:0|[1-9][0-9]{{2}}) {N} {H}) ([A-Za-z0-9_-]{{86}})")
BEAT = re.compile("\n".join((
    r"caveat-beat/v1", r"seal ([!-~]{1,120})", f"boot {N}", f"beat {N}", "kind (open|tick|close|lost)", f"at {N}", f"last {N}",
    rf"open (-|{N}(?: {N})*)", f"head {H}", f"tokens {N} {N}", f"unmeasured {N}", f"refused {N}", f"engine (-|{N} {N})", f"total {N}",
    f"previous {N} {H}", r"model [!-~]{1,300}", f"records {N}", "")))

def url64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

def read_ticket(line):
    found = TICKET.fullmatch(line) if len(line) <= 1024 else None
    need(found, "a seal's ticket cannot be read")
    need(all(url64(unb64(found[i], url=True)) == found[i] for i in (6, 7, 13, 14)), "a seal's ticket is not in canonical form")
    figures = [None if text == "-" else int(text) for text in (found[8], found[10])]
    return {"signed": found[1].encode(), "seal": found[2], "boot": int(found[3]), "number": int(found[4]), "call": found[5],
            "tokens": figures, "prev": found[13], "head": url64(sha(found[1].encode())), "sig": unb64(found[14], url=True)}

def read_beat(note, keys, name):
    text, by = open_note(note, keys)
    found = BEAT.fullmatch(text.decode())
    need(found and found[1] == name and name in {key.name for key in by}, "a seal's beat cannot be read, or is another's")
    numbers = [] if found[7] == "-" else [int(n) for n in found[7].split()]
    engine = None if found[15] == "-" else tuple(int(n) for n in found[15].split())
    names = {"boot": 2, "beat": 3, "at": 5, "last": 6, "unmeasured": 13, "total": 18}
    beat = {key: int(found[i]) for key, i in names.items()} | {
        "kind": found[4], "open": numbers, "head": found[10], "tokens": (int(found[11]), int(found[12])), "engine": engine,
        "previous": (int(found[19]), found[20])}
    need(beat["boot"] >= 1 and beat["beat"] >= 1 and numbers == sorted(set(numbers)) and beat["total"] >= beat["last"]
         and (not numbers or (numbers[0] >= 1 and numbers[-1] <= beat["last"])) and (beat["kind"] == "open") == (beat["beat"] == 1)
         and (beat["boot"] > 1 or beat["previous"] == (0, "A" * 43)), "a seal's beat says what cannot be")
    return beat

class Meter:
    """One seal's count against the records."""
    def __init__(self):
        self.last, self.boot, self.upto, self.more, self.held, self.numbers, self.recent, self.quiet = None, 0, 0, set(), {}, {}, {}, None
        self.sums, self.unmeasured, self.whole, self.beats = (0, 0), 0, True, 0
    def ticket(self, ticket, late):
        known = self.held.get(ticket["head"]) or self.recent.get(ticket["head"])
        if known:
            need(late or known[1], "two records bear one ticket")
            return False
        place = (ticket["boot"], ticket["number"])
        need(place not in self.numbers and ticket["boot"] >= self.boot and (ticket["boot"] > self.boot or not self.has(place[1])),
             "a number of a seal comes twice")
        self.held[ticket["head"]], self.numbers[place] = (ticket, late), ticket["head"]
        return True
    def has(self, number):
        return number <= self.upto or number in self.more
    def counts(self, numbers):
        self.more |= numbers
        while self.upto + 1 in self.more:
            self.upto += 1
            self.more.discard(self.upto)
    def baseline(self, beat):
        self.last, self.boot, self.whole, self.more = beat, beat["boot"], False, set()
        self.upto = beat["open"][0] - 1 if beat["open"] else beat["last"]
        need(beat["last"] - self.upto <= 5000000, "a seal counts more than can be")
        self.counts(set(range(self.upto + 1, beat["last"] + 1)) - set(beat["open"]))
    def beat(self, beat, keys, first):
        if beat == self.last:
            return
        old, same = self.last, self.last is not None and self.last["boot"] == beat["boot"]
        if old is None:
            need(beat["total"] == beat["last"] and beat["beat"] == 1, "a seal counted before its first beat on record")
        elif same:
            need(beat["beat"] == old["beat"] + 1 and old["kind"] in ("open", "tick") and beat["last"] >= old["last"]
                 and beat["total"] - old["total"] == beat["last"] - old["last"], "a seal's beats do not follow each other")
        else:
            need(beat["boot"] == old["boot"] + 1 and beat["kind"] == "open" and old["kind"] in ("close", "lost")
                 and beat["previous"] == (old["last"], old["head"]) and beat["total"] == old["total"], "a seal's boots do not follow")
        if not same:
            self.boot, self.upto, self.more, self.sums, self.unmeasured, self.whole = beat["boot"], 0, set(), (0, 0), 0, True
        need(beat["last"] - self.upto <= 5000000, "a seal counts more than can be")
        wanted = set(range(self.upto + 1, beat["last"] + 1)) - self.more - set(beat["open"])
        found = {n: self.held.pop(self.numbers.pop((beat["boot"], n))) for n in wanted if (beat["boot"], n) in self.numbers}
        need(first or len(found) == len(wanted), "calls that a seal counted are in no record")
        heads = {ticket["head"]: ticket["prev"] for ticket, _ in found.values()}
        at = beat["head"]
        while at in heads:
            at = heads.pop(at)
        if heads or at != (old["head"] if same else beat["previous"][1]):
            need(len(found) < len(wanted), "tickets are not the ones that the seal chained")
            for ticket, _ in found.values():
                vouch(ticket, keys)
        for ticket, _ in found.values():
            self.sums = tuple(total + (count or 0) for total, count in zip(self.sums, ticket["tokens"]))
            self.unmeasured += ticket["tokens"] == [None, None]
        self.counts(wanted)
        self.whole = self.whole and len(found) == len(wanted)
        need(not self.whole or (self.sums, self.unmeasured) == (beat["tokens"], beat["unmeasured"]), "a seal's sums differ")
        if beat["engine"] and not beat["open"]:
            quiet, self.quiet = self.quiet, beat
            if quiet and quiet["boot"] == beat["boot"]:
                engine, seal = ([a - b for a, b in zip(beat[kind], quiet[kind])] for kind in ("engine", "tokens"))
                more = [a - b for a, b in zip(engine, seal)]
                need(min(engine) < 0 or not any(more) or (beat["unmeasured"] != quiet["unmeasured"] and min(more) >= 0),
                     "the engine counted other than came through the seal")
        self.recent = {ticket["head"]: (ticket, late) for ticket, late in found.values()}
        self.last, self.beats = beat, self.beats + 1

def vouch(ticket, keys):
    key = next((key for key in keys if key.name == ticket["seal"]), None)
    need(key, "a ticket is by no seal that the terms enrol")
    key.verify(ticket["signed"], ticket["sig"])

class Meters:
    """All seals, and whose call each ticket is."""
    def __init__(self, start, to):
        self.start, self.to, self.seals, self.late, self.sent, self.never, self.bare = start, to, {}, set(), set(), set(), set()
    def keys(self, register, name):
        return [key for key in map(Key, sorted(register.seals)) if key.name == name]
    def count(self, register, ticket, late):
        if any(text.split("+")[0] == ticket["seal"] for text in register.seals):
            return self.seals.setdefault(ticket["seal"], Meter()).ticket(ticket, late)
        return True
    def control(self, register, index, what, name, doc):
        if what == "meter.beat":
            beat = read_beat(doc, self.keys(register, name), name)
            meter = self.seals.setdefault(name, Meter())
            if index < self.start:
                meter.baseline(beat)
            elif index < self.to:
                meter.beat(beat, self.keys(register, name), self.start > 0 and not meter.beats)
        elif what == "meter.tickets":
            body = read_json(doc, "a document of tickets", exact=False)
            need(set(body) == {"tickets"} and all(type(line) is str for line in body["tickets"]), "a document of tickets is none")
            for ticket in map(read_ticket, body["tickets"]):
                need(ticket["seal"] == name, "a document of tickets is another seal's")
                vouch(ticket, self.keys(register, name))
                if self.start <= index < self.to and self.count(register, ticket, True):
                    self.late.add(ticket["call"])
    def record(self, register, leaf):
        if leaf["k"] == "opened":
            self.sent.add(leaf["call"])
        if register.seals and (leaf["k"] == "refused" or leaf["o"] in ("denied", "held")):
            self.never.add(leaf["call"])
        if leaf["k"] != "settled":
            return
        terms = register.seen.get(leaf["terms"])
        if leaf["m"] or not register.seals:
            self.sent.discard(leaf["call"])
        if not leaf["m"]:
            self.bare |= {leaf["call"]} if leaf["o"] in ("completed", "stopped", "withheld") and terms and terms.sealed else set()
            return
        self.late.discard(leaf["call"])
        ticket = read_ticket(leaf["m"])
        need(ticket["call"] == leaf["call"] and leaf["o"] not in ("denied", "held"), "a ticket is another call's, or of one never sent")
        (ours_in, ours_out), (seal_in, seal_out) = leaf["tok"] or (None, None), ticket["tokens"]
        need(leaf["tok"] is None or ((seal_in is None or ours_in >= seal_in) and (seal_out is None or ours_out == seal_out)),
             "a record has other tokens than its ticket")
        self.count(register, ticket, False)
    def finish(self, register):
        need(not self.late & self.never, "a call that was not sent has a ticket")
        need(self.start or self.late <= self.sent, "a seal counted a call that no record knows")
        need(not self.bare - self.late, "an answered call bears no ticket, and the terms demand a seal")
        for name, meter in self.seals.items():
            for ticket, _ in meter.held.values():
                vouch(ticket, self.keys(register, name))

# --- the walk over the records ---

class Walk:
    def __init__(self, files, manifest, profile, keys):
        self.files, self.manifest, self.profile, self.register, self.keys = files, manifest, profile, Register(), keys
        self.owed, self.counted, self.recent = {}, {}, {}
        self.counts, self.made, self.shown, self.calls = Counter(), Counter(), Counter(), {}
        self.endings, self.spent, self.held, self.controls, self.newest, self.hash = Counter(), Counter(), {}, [], 0, hashlib.sha256()
        self.used, self.latest, self.beyond, self.under, self.moves = Counter(), 0, {}, {}, {}
        self.named, self.closed, self.lines, self.last = set(), set(), files.lines("disclosures.jsonl"), manifest["from"] - 1
        self.next, self.meters = self.line(), Meters(manifest["from"], manifest["to"])
    def line(self):
        raw = next(self.lines, None)
        if raw is None:
            return None
        self.hash.update(raw + b"\n")
        line = read_json(raw, "a line of disclosures.jsonl", exact=False)
        need(set(line) == {"d", "i"} and self.last < line["i"] < self.manifest["to"], "a disclosure is out of place")
        self.last = line["i"]
        return line
    def control(self, index, leaf):
        need(leaf["t"] >= self.latest - 300000, f"record {index} bears a time before that of a record that stands before it")
        doc, self.latest = b"", max(self.latest, leaf["t"])
        if leaf["doc"] in self.manifest["withheld"]:
            need(leaf["what"] in self.profile[1], "a document is withheld that the profile does not withhold")
            self.closed.add(leaf["doc"])
            doc = None
        elif leaf["doc"]:
            doc = self.files.read("control/" + leaf["doc"].removeprefix("sha256:"))
            self.named.add(leaf["doc"])
            need(digest(doc) == leaf["doc"], "a control document is another than its record names")
        self.register.add(index, leaf, doc)
        self.aliases(index)
        if leaf["what"] == "vendor.notified":
            self.notified(leaf, doc)
        elif leaf["what"] == "end.stated":
            self.stated(doc)
        if leaf["what"].startswith("meter."):
            self.meters.control(self.register, index, leaf["what"], leaf["id"], doc)
    def notified(self, leaf, doc):
        """A note for the vendor, signed by the log."""
        payload, sigs, message = dsse(doc, "notice", 1 << 16)
        notice, kinds = read_json(payload, "a note"), {"v": int, "call": str, "clauses": list, "terms": str, "ending": str, "log": str,
                                                       "index": int, "at_ms": int}
        need({name: type(value) for name, value in notice.items()} == kinds and notice["clauses"] and notice["v"] == 1
             and all(type(one) is str for one in notice["clauses"]) and notice["call"] == leaf["id"], "a note is none, or another call's")
        key = next((key for key in self.keys if key.named in dict(sigs)), None)
        need(key, "a note for the vendor is not signed by the log")
        key.verify(message, dict(reversed(sigs))[key.named])
        self.owed.pop(notice["call"], None)
    def stated(self, doc):
        """A statement of end: signed by the log, and counted again where every record of the pair was seen."""
        lines = open_note(doc, self.keys)[0].decode().split("\n")
        _, size, _ = tree_head("\n".join(lines[-4:]).encode())
        counts = dict(re.fullmatch(r"([a-z]+(?: call)?) ([0-9]{1,16}|-)", line).groups() for line in lines[4:-4])
        need(lines[0] == "caveat-end-statement/v1" and {"last call", "sent", "running"} <= set(counts) <= {"last call", "sent", "running", *ENDINGS}
             and len(counts) == len(lines) - 8 and re.fullmatch(r"ended by the (vendor|operator) at record [0-9]{1,16}: .{1,500}", lines[3]),
             "a statement of end is none")
        said = {name: -1 if count == "-" else int(count) for name, count in counts.items() if count != "0"}
        recent = self.recent.get(lines[2], [])
        late = [before for at, before in recent if at >= size]
        if not self.manifest["from"] and (len(recent) < 64 or recent[0][0] <= size):
            made = late[0] if late else self.counted.get(lines[2], {"last call": -1})
            need(said == {name: count for name, count in made.items() if count}, "a statement of end counts otherwise than the records")
    def count(self, index, leaf):
        """What a statement of end counts of a pair."""
        if not leaf["terms"]:
            return
        made = self.counted.setdefault(leaf["terms"], {"last call": -1, "sent": 0, "running": 0})
        self.recent.setdefault(leaf["terms"], deque(maxlen=64)).append((index, made))
        made = self.counted[leaf["terms"]] = dict(made)
        if leaf["k"] == "opened":
            made["last call"], made["running"] = index, made["running"] + 1
            made["sent"] += not any(self.register.lifts.get(w, {}).get("reply") for w in leaf["w"])
        elif leaf["k"] == "settled":
            made["running"], made["sent"] = made["running"] - 1, made["sent"] - (leaf["o"] in ("denied", "held"))
            made[leaf["o"]] = made.get(leaf["o"], 0) + 1
    def aliases(self, index):
        """Which terms an alias has left at this record: no call for it goes to them from here on."""
        register = self.register
        for alias, target in register.moved.items():
            if target["at"] == index:
                first, to = self.under.get(alias), register.terms[target["terms"]].digest
                self.moves = {name: left for name, left in self.moves.items() if name != alias} | ({alias: first} if first and first != to else {})
        for alias in {alias for terms in register.seen.values() for alias in terms.models} | set(register.moved):
            served = register.terms.get(register.served(alias))
            self.under |= {alias: served.digest} if served else {}
    def record(self, index, data):
        leaf, values = read_leaf(data), {}
        need(leaf["t"] >= self.latest - 300000, f"record {index} bears a time before that of a record that stands before it")
        self.latest = max(self.latest, leaf["t"])
        need(MUST.get(leaf["o"] or leaf["k"], set()) <= set(leaf["c"]), f"record {index} does not commit to all it must")
        if self.next and self.next["i"] == index:
            values, self.next = disclosed(leaf, self.next["d"]), self.line()
        need(all(type(v) is dict for n, v in values.items() if n in (*GROUPS, "request", "decision")), f"record {index} holds nonsense")
        need(all(name in self.profile[0] or "*" in self.profile[0] for name in values), "more is disclosed than the profile says")
        self.meters.record(self.register, leaf)
        self.count(index, leaf)
        self.made.update(list(leaf["c"]))
        self.shown.update(list(values))
        self.counts[leaf["k"]] += 1
        self.counts["tokens_in"], self.counts["tokens_out"] = (
            self.counts[n] + k for n, k in zip(("tokens_in", "tokens_out"), leaf["tok"] or (0, 0)))
        {"control": self.controlled, "opened": self.opened, "settled": self.settled, "refused": self.refused}[leaf["k"]](index, leaf, values)
    def controlled(self, index, leaf, values):
        self.controls.append(index)
        self.control(index, leaf)
    def refused(self, index, leaf, values):
        need(leaf["o"] == "denied" and leaf["tok"] is None and not leaf["terms"], "a refused call ended otherwise")
    def opened(self, index, leaf, values):
        register, at = self.register, leaf["t"]
        terms = next((t for t in register.terms.values() if t.digest == leaf["terms"]), None)
        need(terms and terms.start <= at < terms.until, f"record {index} names terms that were not in force there")
        for id_ in leaf["w"]:
            lift = register.lifts.get(id_)
            self.spent[id_] += 1
            need(lift and lift["from_ms"] <= at < lift["until_ms"] and lift["terms"] == leaf["terms"]
                 and self.spent[id_] <= lift["max_uses"], f"record {index} uses what was not granted, has ended or is used up")
            kept = "withheld" if lift.get("reply") else "held"
            need(lift["kind"] == "waiver" or self.manifest["from"] or self.held.get(id_) == kept, "a call was released that was never held")
        if terms.reader:
            learned = values["request"].get("recognizers", {}).get("learned", {}).values() if "request" in values else ()
            need("request" not in values or any(one["weights"] == terms.reader for one in learned), f"record {index} was read by other weights")
            need("content" not in values or values["content"]["detector"] == "learned", f"record {index} was read by none that has learned")
        for alias, left in self.moves.items():
            others = terms.models - {alias}
            need(left != leaf["terms"] or alias not in terms.models or (others and values.get("what", {}).get("model") != alias),
                 f"record {index} is a call under terms that its alias had left")
        decision = self.decision(leaf, values, terms)
        facts = facts_in(values, GROUPS)
        self.leased(index, leaf, values, terms)
        if decision:
            uses = {w for _, w in decision["waived"]} if decision["verdict"] == "allow" else set()
            more = set(leaf["w"]) - uses
            released = len(more) <= 1 and decision["verdict"] == "allow" and all(register.lifts[w].get("reply") for w in more)
            need(uses <= set(leaf["w"]) and (released or not more), f"record {index} spends other than its decision says")
        if facts:
            need(abs(facts["epoch"] * 1000 - at) <= 3600000, f"record {index}: two clocks are an hour apart")
        self.follows(index, decision, facts, terms, register.lifts)
        self.calls[index], self.newest = (leaf, decision, facts), max(self.newest, at)
    def leased(self, index, leaf, values, terms):
        """Time is the latest on record, five seconds less, for clocks are read before records are placed."""
        if any(self.register.lifts.get(id_, {}).get("reply") for id_ in leaf["w"]):
            return
        lease, used = self.register.leases.get(leaf["terms"]), self.used[leaf["terms"]]
        now = phase(lease, terms.grant, self.latest - 5000, used)
        other = now == "continuity" and terms.grant["purposes"] and "why" in values
        if now == "lapsed" or (other and values["why"]["purpose"] not in terms.grant["purposes"]):
            self.beyond[index] = leaf
        if values.get("decision", {}).get("rule") == "lapsed" and not self.manifest["from"] and not terms.sealed:
            need(phase(lease, None, self.latest + 5000, used) != "running", f"record {index} was denied under a lease that ran on")
        self.used[leaf["terms"]] += 1
    def settled(self, index, leaf, values):
        self.held |= {leaf["call"]: leaf["o"]} if leaf["o"] in ("held", "withheld") else {}
        for id_ in leaf["w"]:
            lift = self.register.lifts.get(id_)
            self.spent[id_] += 1
            need(lift and lift["kind"] == "waiver" and lift["from_ms"] <= leaf["t"] < lift["until_ms"] and lift["terms"] == leaf["terms"]
                 and self.spent[id_] <= lift["max_uses"], f"record {index} uses what was not granted, has ended or is used up")
        self.endings[leaf["o"]] += 1
        place = leaf["at"] if leaf["at"] >= 0 else index - 1
        need(0 <= place < index, f"record {index} settles what does not come before it")
        first, asked, facts = self.calls.pop(place, (None, None, None))
        need(first or place < self.manifest["from"], f"record {index} settles no open call")
        if leaf["o"] in ("denied", "held"):
            self.beyond.pop(place, None)
            self.used[leaf["terms"]] -= 1
        need(not first or (first["call"], first["terms"]) == (leaf["call"], leaf["terms"]), f"record {index} settles another call")
        terms = self.register.seen.get(leaf["terms"])
        last = self.decision(leaf, values, terms)
        if last and "decision" in leaf["c"] and last["verdict"] != "deny" and any(duty["name"] == "notify.vendor" for duty in last["duties"]):
            self.owed[leaf["call"]] = index
        if last and facts and "reply" in values:
            need(set(leaf["w"]) <= {w for _, w in last["waived"] if last["verdict"] == "allow"}, f"record {index} spends what lifts nothing")
            lifts = {w: self.register.granted[w] for w in (*first["w"], *leaf["w"]) if w in self.register.granted}
            self.follows(index, last, facts | facts_in(values, ["reply"]), terms, lifts)
        quiet = leaf["o"] in ("denied", "held")
        need(not quiet or leaf["tok"] is None, f"record {index}: tokens were counted for a call that never was")
        if asked:
            ends = {"deny": ("denied", "unknown"), "hold": ("held", "unknown")}.get(asked["verdict"])
            need(leaf["o"] in ends if ends else not quiet, f"record {index}: the call ended otherwise than it was decided")
            need(not last or last["verdict"] == "allow" or ends or leaf["o"] != "completed", f"record {index}: it should have been stopped")
        review = last and any(duty["name"] == "review.human" for duty in last["duties"])
        released = first and any(self.register.granted.get(w, {}).get("reply") for w in first["w"])
        need(not (review and first and leaf["o"] == "completed") or released, f"record {index}: no person released the reply")
        need(not last or leaf["o"] != "withheld" or last["verdict"] == "hold" or (review and last["verdict"] == "allow"),
             f"record {index}: a reply was kept that nothing keeps")
    def decision(self, leaf, values, terms):
        decision = values.get("decision")
        if decision is not None:
            names = {"verdict", "rule", "clauses", "held", "unmet", "waived", "duties", "errors", "terms", "engine"}
            need(type(decision) is dict and set(decision) == names, "a decision has other fields")
            need(decision["terms"] == leaf["terms"], "a decision names other terms than its record")
        return decision
    def follows(self, index, decision, facts, terms, lifts):
        """The decision must be the one that the signed terms give for these facts."""
        if not (decision and facts and terms):
            return
        need(facts["hazardsIn"] == terms.over(facts["pm"]) and facts["hazardsOut"] == terms.over(facts["pmOut"])
             and facts["hazardPermille"] == max(facts["pm"].values(), default=0), f"record {index}: hazards and scores differ")
        need(facts["purpose"] in terms.purposes and facts["model"] in terms.models, f"record {index}: a purpose or a model is unknown")
        named = {w for _, w in decision["waived"]}
        need(named <= set(lifts), f"record {index} is lifted by what was not in force")
        wanted = terms.decide(facts, [lifts[w] for w in named], decision["rule"] == "lapsed") | {"engine": decision["engine"]}
        if decision["rule"] == "duty" and wanted["verdict"] != "deny" and decision["duties"]:
            owed = [duty for duty in wanted["duties"] if duty in decision["duties"]]
            wanted |= {"verdict": "deny", "rule": "duty", "duties": owed}
        need(decision == wanted, f"record {index}: the decision does not follow from the facts")

# --- the whole ---

CLOSED = ("key.new", "key.budgeted", "log.opened")
PROFILES = {"full": (("*",), ()), "counts": (("decision",), CLOSED), "none": ((), CLOSED),
            "audit": ((*GROUPS, "decision", "duties", "upstream"), ())}

def opened(file, trust):
    """The bundle's files and manifest, once the log's key signed it."""
    files = Zip(file)
    data, note = files.read("manifest.json"), files.read("manifest.note", 64000)
    manifest = read_json(data[:-1], "the manifest")
    need(data.endswith(b"\n") and manifest["format"] == "caveat-bundle/v1", "the manifest is of another format")
    keys = [key for key in trust.logs if key.name == manifest["origin"]]
    statement = f"caveat-bundle/v1\n{manifest['origin']}\n{digest(data)}\n".encode()
    need(open_note(note, keys)[0] == statement, "the signed note is about another manifest")
    return files, manifest, keys, data

def check(file, trust, last=b"", after=None, tickets=()):
    """Raises No for what does not hold."""
    before, known = opened(after, trust) if after else None, last
    known = known or (before[0].read("checkpoint", 64000) if before else b"")
    files, m, keys, data = opened(file, trust)
    start, to, size, controls, previous = m["from"], m["to"], m["size"], m["controls"], m["previous"]
    need(all(type(n) is int for n in (start, to, size, *controls)) and 0 <= start <= to <= size < 2**53, "impossible numbers")
    need(controls == sorted(set(controls)) and all(0 <= i < size for i in controls), "impossible control records")
    need((m["number"] is None) == (m["receiver"] == "") and (m["number"] is None or m["number"] >= 1), "an impossible number")
    # the files are those that the range needs, none more
    tiles = range(start // 256, -(-to // 256)) if start < to else range(0)
    outside = [i for i in controls if not start <= i < to]
    need(max(len(tiles), len(outside)) <= len(files.members), "the bundle has fewer files than its range needs")
    places = wanted_tiles(size, {*tiles, *(i // 256 for i in controls)}, previous["size"] if previous else 0)
    names = {"checkpoint", "disclosures.jsonl", "manifest.json", "manifest.note"} | {f"entry/{i}" for i in outside}
    names |= {path(level, n, width(size, level, n)) for level, n in places} | {path("entries", n, width(size, 0, n)) for n in tiles}
    digests = {"checkpoint": m["checkpoint"], "policy": m["policy"], "checkpoint.prev": previous["checkpoint"] if previous else ""}
    names |= {name for name, of in digests.items() if of}
    documents = {name for name in files.members if name.startswith("control/")}
    need(set(files.members) - documents == names, "the files are not those that the range needs")
    need(all(digest(files.read(name)) == of for name, of in digests.items() if of), "a file is not the one named")
    # the checkpoint, and what it goes on from
    note, by = open_note(files.read("checkpoint", 64000), [*keys, *trust.witnesses.values()])
    need(all(any(key is one for one in by) for key in keys) and trust.met(trust.quorum, by), "the checkpoint lacks a signature")
    origin, of, root = tree_head(note)
    need((origin, of) == (m["origin"], size), "the checkpoint is of another log or size")
    mirror = Mirror(files, size, root)
    for ticket in tickets:
        said = open_note(ticket if b"\n\n" in ticket else unb64(ticket.decode().strip()), keys)[0].decode().split("\n")
        need(said[:2] == ["caveat-ticket/v1", m["origin"]] and len(said) == 6, "a ticket is of another log")
        n, at = divmod(int(said[2]), 256)
        if int(said[2]) < size and path(0, n, width(size, 0, n)) in files.members:
            need(mirror.tile(0, n)[at] == unb64(said[3]), f"the log promised another record {said[2]} than it has")
    for checkpoint in filter(None, (files.read("checkpoint.prev", 64000) if previous else b"", known)):
        origin, of, root = tree_head(open_note(checkpoint, keys)[0])
        need(origin == m["origin"] and of <= size and mirror.root_at(of) == root, "an earlier checkpoint is no beginning of this log")
    # every record, in order
    walk = Walk(files, m, PROFILES[m["profile"]], keys)
    def aside(index):
        leaf = files.read(f"entry/{index}", 65535)
        need(sha(b"\0", leaf) == mirror.tile(0, index // 256)[index % 256], f"record {index} is not the tree's")
        need(read_leaf(leaf)["k"] == "control", f"record {index} is no control record")
        walk.control(index, read_leaf(leaf))
    for index in (i for i in outside if i < start):
        aside(index)
    for n in tiles:
        for index, leaf in enumerate(mirror.entries(n), 256 * n):
            if start <= index < to:
                walk.record(index, leaf)
    for index in (i for i in outside if i >= to):
        aside(index)
    # what it adds up to
    walk.meters.finish(walk.register)
    need(not walk.owed, "no note tells the vendor of a call that wants it")
    need(not walk.beyond, f"record {min(walk.beyond, default=0)} went to the model beyond its lease")
    need(walk.next is None and "sha256:" + walk.hash.hexdigest() == m["disclosures"], "the disclosures are not those named")
    need(walk.controls == [i for i in controls if start <= i < to] and walk.closed == set(m["withheld"]), "control records differ")
    need({"control/" + doc.removeprefix("sha256:") for doc in walk.named} == documents, "control/ holds other documents")
    spans = [s for s in walk.register.spans if s["adopted"] < to and (s["ended"] < 0 or s["ended"] > start)]
    need(sorted(spans, key=lambda s: (s["adopted"], s["id"])) == m["terms"], "the terms in force are not those named")
    for span in spans:
        Terms(walk.register.documents[span["digest"]], trust.parties)
    for person in walk.register.approvers:
        signed_by(trust.parties[person["side"]], *dsse(person["doc"], "approver", 1 << 16)[1:], person["side"])
    need(all(trust.parties.values()), "the trust file names no key of a party")
    need(not any(walk.newest - leaf["t"] > 3600000 for leaf, _, _ in walk.calls.values()), "a call has no outcome after an hour")
    counts = {name: walk.counts[name] for name in ("opened", "settled", "refused", "control", "tokens_in", "tokens_out")}
    need(m["counts"] == counts | {"endings": dict(walk.endings)}, "the sums are not those named")
    seen = {name: (walk.made[name], walk.shown[name]) for name in walk.made}
    whole = all(o["made"] == o["disclosed"] + o["withheld"] + o["destroyed"] for o in m["opened"].values())
    need(whole and seen == {name: (o["made"], o["disclosed"]) for name, o in m["opened"].items()}, "commitments were counted otherwise")
    if m["number"] is not None:
        sent = walk.register.exports.get(m["receiver"], {"number": 0})
        need(sent["number"] == m["number"] - 1, "the log has another number on record as the last that left")
        if before:
            old, named = before[1], previous["manifest"] if previous else ""
            need((m["origin"], m["receiver"], m["number"]) == (old["origin"], old["receiver"], (old["number"] or 0) + 1)
                 and named == digest(before[3]) and sent.get("manifest", named) == named, "it does not follow the bundle before")
    return m, walk.register.unknown

REFUSED = (No, KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError, OverflowError)

def main():
    parser = argparse.ArgumentParser(description="Check a Caveat bundle with nothing of Caveat's own code.")
    parser.add_argument("bundle")
    parser.add_argument("trust")
    parser.add_argument("--last", help="the newest checkpoint of this log that you held before")
    parser.add_argument("--after", help="the bundle before it in your sequence")
    parser.add_argument("--ticket", action="append", default=[], help="a ticket that a caller was given")
    options = parser.parse_args()
    read = lambda name: open(name, "rb").read() if name else b""
    try:
        after = open(options.after, "rb") if options.after else None
        manifest, unknown = check(open(options.bundle, "rb"), Trust(read(options.trust)), read(options.last), after,
                                  tuple(map(read, options.ticket)))
    except REFUSED as error:
        print(f"not verified: {error if isinstance(error, No) else 'something is malformed: ' + repr(error)}")
        return 1
    print(f"verified: records {manifest['from']} to {manifest['to'] - 1} of {manifest['origin']}, profile {manifest['profile']}")
    for what in sorted(unknown):
        print(f"not judged by this script: {what}")
    return 0

if __name__ == "__main__":
    sys.exit(main())
