#!/usr/bin/env python3
"""A second verifier of Caveat's bundles: one file, the standard library and `cryptography`, made to be read whole.

    python caveat_check.py BUNDLE TRUST [--last CHECKPOINT] [--after BUNDLE] [--ticket TICKET]...

It shares no code with the package.  It was written from docs/ledger.md, docs/evidence.md and docs/seal.md, from RFC
6962, RFC 9901, RFC 9053, DSSE 1.0 and TUF 1.0, and from the C2SP pages on notes, checkpoints, tiles and policies.
It says "verified" or "not verified" and why, and what it does not judge; the exit code is 0 or 1.  Read it from below:
`check` takes the steps in order; what does not hold raises No, what is malformed any of REFUSED.
"""
import argparse
import base64
import hashlib
import json
import re
import struct
import sys
import zlib
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

NOT_JUDGED = ("that the signed Cedar is what the signed text compiles to", "for how long seals were silent or off")

class No(Exception):
    """Something does not hold."""

REFUSED = (No, LookupError, TypeError, ValueError, AttributeError, RecursionError, OverflowError, StopIteration,
           SyntaxError, struct.error, InvalidSignature)

def need(holds, why):
    if not holds:
        raise No(why)

def sha(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()

def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()

def url64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

def unb64(text, url=False):
    data = base64.b64decode(text + "=" * (-len(text) % 4 * url), b"-_" if url else None, validate=True)
    need((url64(data) if url else base64.b64encode(data).decode()) == text, "base64 is not in its canonical form")
    return data

class Row(dict):
    """A JSON object; `row.name` is `row["name"]`."""
    __getattr__ = dict.__getitem__

def once(pairs):
    need(len(dict(pairs)) == len(pairs), "a JSON object has a name twice")
    return Row(pairs)

def read_json(data, what, shape=object, exact=True):
    """The value, of a shape; `exact` holds it to the one canonical way of writing it."""
    value = json.loads(data.decode(), object_pairs_hook=once)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    need(not exact or text.encode("utf-8", "surrogatepass") == data, f"{what} is not in canonical form")
    need(fits(value, shape), f"{what} has another shape than it must")
    return value

def fits(value, shape):
    """Whether a value is of a type; in a range; of a pattern; [each of a shape]; {name: shape}, `*` for any name."""
    if isinstance(shape, list):
        return type(value) is list and all(fits(one, shape[0]) for one in value)
    if isinstance(shape, range):
        return type(value) is int and value in shape
    if isinstance(shape, str):
        return type(value) is str and re.fullmatch(shape, value, re.DOTALL) is not None
    if isinstance(shape, dict):
        known = {name.rstrip("?"): of for name, of in shape.items()}
        return type(value) is Row and {name for name in shape if name[-1] not in "?*"} <= set(value) and all(
            fits(of, known.get(name, known.get("*", 0))) for name, of in value.items())
    return shape is object or type(value) is shape

PAIR = "sha256:[0-9a-f]{64}"
LINE = r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]{0,2000}"
TYPES = {"s": str, "i": int, "b": bool, "o": Row, "L": [str], "W": [[str]], "D": {"*": int},
         "S": {"*": str}, "1": range(1, 2), "u": range(2**53), "p": PAIR, "h": "[0-9a-f]{32}", "w": ".{1,2000}",
         "t": LINE, "T": [LINE], "r": "vendor|operator", "e": "caveat-export/v1", "d": "[0-9-]{10}(T[0-9:]{8}Z)?"}

def shaped(text):
    """A shape as tables below write it, `s:name,other? i:count`: the type of each name; `?` where it may be missing."""
    parts = (part.split(":") for part in text.split())
    return {name: TYPES[kind] for kind, names in parts for name in names.split(",")}

# --- the zip: stored members in ascending order, one value for every byte of a header --------------------------------

NAME = re.compile(rb"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*")

class Zip:
    """The files of a bundle, by name; `unread` are those that nothing has asked for yet."""
    def __init__(self, raw):
        self.raw, self.places, listed, at, last = memoryview(raw), {}, bytearray(), 0, b""
        while self.raw[at : at + 4] == b"PK\3\4":
            crc, size, _, length = struct.unpack("<3LH", self.raw[at + 14 : at + 28])
            start, fixed = at + 30 + length, struct.pack("<5H3L2H", 20, 0, 0, 0, 33, crc, size, size, length, 0)
            name, data = bytes(self.raw[at + 30 : start]), self.raw[start : start + size]
            need(self.raw[at : at + 30] == b"PK\3\4" + fixed, "a header in the zip is not as it must be")
            need(NAME.fullmatch(name) and length <= 120 and name > last, "a name in the zip is out of order")
            need(len(data) == size and zlib.crc32(data) == crc, f"the checksum of {name.decode()} does not hold")
            listed += b"PK\1\2\x14\3" + fixed + struct.pack("<3H2L", 0, 0, 0, 0o100644 << 16, at) + name
            self.places[name.decode()], at, last = (start, start + size), start + size, name
        count, self.unread = len(self.places), set(self.places)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(listed), at, 0)
        need(self.raw[at:] == listed + end, "the zip's directory is not as it must be")
    def read(self, name, most=16 << 20):
        start, end = self.places.get(name, (0, most + 1))
        need(end - start <= most, f"{name} is missing or too large")
        self.unread.discard(name)
        return bytes(self.raw[start:end])

# --- keys, signed notes, the trust file ------------------------------------------------------------------------------

P = 2**255 - 19
SMALL = {0, 1, P - 1, *(int.from_bytes(bytes.fromhex(y), "little") for y in (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))}
SIZES = {1: (32, 64), 4: (32, 64), 6: (1312, 2420)}
PASSKEY = b"\xffcaveat.passkey/v1\n"
COSE = {  # the keys of passkeys as CBOR writes them (RFC 9053, RFC 8230): what makes one, and how it verifies
    rb"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20(.{32})\x22\x58\x20(.{32})":
        lambda x, y: (ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key(), (ec.ECDSA(SHA256()),)),
    rb"\xa4\x01\x03\x03\x39\x01\x00\x20\x59..(.{256,512})\x21[\x41-\x44](.{1,4})":
        lambda n, e: (rsa.RSAPublicNumbers(e, n).public_key(), (padding.PKCS1v15(), SHA256())),
    rb"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20(.{32})":
        lambda x: (ed25519.Ed25519PublicKey.from_public_bytes(x.to_bytes(32, "big")), ())}

def good_name(name):
    return 0 < len(name.encode()) < 256 and not any(c == "+" or c.isspace() or c < " " for c in name)

class Key:
    """A public key as notes write it: name+id+base64(type, key).  An Ed25519 key of small order is refused."""
    def __init__(self, text):
        self.text = text.removesuffix("\n")
        self.name, id_, data = self.text.split("+", 2)
        data, self.named = unb64(data), f"{self.name}+{id_}"
        self.kind, self.public, self.id = data[0], data[1:], sha(self.name.encode(), b"\n", data)[:4]
        need(good_name(self.name) and id_ == self.id.hex(), f"the key of {self.name} has another name or id")
        if data.startswith(PASSKEY):
            said = read_json(data.removeprefix(PASSKEY), "a passkey", shaped("s:cose,credential,rp_id"))
            found = next(filter(None, (re.fullmatch(form, unb64(said.cose, url=True), re.DOTALL) for form in COSE)))
            key, how = COSE[found.re.pattern](*(int.from_bytes(number, "big") for number in found.groups()))
            self.public = found[1]
            self.check = lambda signature, message: asserted(said.rp_id, key, how, signature, message)
            return
        need(self.kind in SIZES and len(self.public) == SIZES[self.kind][0], "a key is of a kind unknown here")
        y = int.from_bytes(self.public, "little") & (2**255 - 1)
        if self.kind == 6:
            self.check = mldsa.MLDSA44PublicKey.from_public_bytes(self.public).verify
        else:
            x2 = (y * y - 1) * pow(-121665 * pow(121666, -1, P) * y * y + 1, -1, P) % P
            need(y < P and y not in SMALL and pow(x2, (P - 1) // 2, P) == 1, f"the key of {self.name} is weak")
            self.check = ed25519.Ed25519PublicKey.from_public_bytes(self.public).verify
    def verify(self, message, signature):
        try:
            self.check(signature, message)
        except REFUSED:
            raise No(f"the signature by {self.named} does not hold") from None

key_of = lru_cache(1024)(Key)

def asserted(rp_id, key, how, signature, message):
    """What an authenticator signed names the message by its digest, the domain, and that the person was verified."""
    said = {name: unb64(value, url=True) for name, value in read_json(signature, "an assertion").items()}
    client, data = json.loads(said["clientDataJSON"]), said["authenticatorData"]
    host = re.fullmatch(r"(https?)://([^/:@]+)(:[0-9]+)?", client["origin"])
    need(client["type"] == "webauthn.get" and client["challenge"] == url64(sha(message)), "it signed something else")
    need(host and ("." + host[2]).endswith("." + rp_id) and (host[1] == "https" or host[2] == "localhost")
         and not client.get("crossOrigin"), "a passkey signed on another's page")
    need(data[:32] == sha(rp_id.encode()) and data[32] & 5 == 5, "a passkey signed without the person")
    key.verify(said["signature"], data + sha(said["clientDataJSON"]), *how)

def open_note(raw, keys, form="(.*)"):
    """The text, its parts by a form, and who signed; a trusted key's signature that does not hold spoils the note."""
    body = raw.decode()
    need(0 < len(raw) <= 64000 and not re.search("[\0-\x09\x0b-\x1f]", body), "a note holds control characters")
    text, cut, lines = body.rpartition("\n\n")
    need(cut and lines[-1:] == "\n", "a note has no signatures")
    known, text, by = {(key.name, key.id): key for key in keys}, text + "\n", []
    for dash, name, blob in (line.split(" ") for line in lines[:-1].split("\n")):
        data = unb64(blob)
        need(dash == "—" and good_name(name) and len(data) >= 5, "a signature line is malformed")
        key = known.get((name, data[:4]))
        if key is not None:
            stamp = 4 if key.kind == 1 else 12
            need(len(data) == stamp + SIZES[key.kind][1], f"the signature by {name} has the wrong length")
            key.verify(cosigned(key, text, data[4:12]) if key.kind != 1 else text.encode(), data[stamp:])
            by.append(key)
    found = re.fullmatch(form, text, 0 if form != "(.*)" else re.DOTALL)
    need(by and found, "no trusted key signed a note, or it is another than expected")
    return found, by

def cosigned(key, text, stamp):
    """What a cosigner's key signs over a checkpoint (c2sp.org/tlog-cosignature)."""
    if key.kind == 4:
        return f"cosignature/v1\ntime {int.from_bytes(stamp, 'big')}\n{text}".encode()
    origin, size, root = tree_head(text)
    name, log = (len(word).to_bytes(1, "big") + word for word in (key.name.encode(), origin.encode()))
    return b"subtree/v1\n\0" + name + stamp + log + bytes(8) + size.to_bytes(8, "big") + root

def tree_head(text):
    found = re.fullmatch(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([^\n]{44})\n(?:[^\n]+\n)*", text)
    need(found and len(found[1].encode()) < 256, "a checkpoint is malformed")
    return found[1], int(found[2]), unb64(found[3])

class Trust:
    """c2sp.org/tlog-policy, with our `party ROLE KEY` lines.  A line that cannot be read ends the script."""
    def __init__(self, data):
        of = defaultdict(list)
        for kind, *rest in (line.split() for line in data.decode().split("\n") if line.strip()):
            of["#" if kind[0] == "#" else kind].append(rest)
        need(set(of) <= {"log", "witness", "group", "quorum", "party", "#"}, "the trust file has a line of no kind")
        self.logs, self.witnesses = [Key(key) for key, in of["log"]], {name: Key(key) for name, key in of["witness"]}
        self.groups = {name: ({"all": len(more), "any": 1}.get(k) or int(k), more) for name, k, *more in of["group"]}
        self.parties = {role: [Key(key) for one, key in of["party"] if one == role] for role in ("vendor", "operator")}
        self.quorum = of["quorum"][0][0]
    def met(self, name, by):
        if name in self.witnesses:
            return any(key.text == self.witnesses[name].text for key in by)
        k, members = self.groups[name] if name != "none" else (0, ())
        return sum(self.met(member, by) for member in members) >= k

# --- the tree (RFC 6962 section 2.1) in tiles (c2sp.org/tlog-tiles) --------------------------------------------------

def fold(nodes):
    """The root over nodes of one level, the last of which may be an unfinished subtree's."""
    while len(nodes) > 1:
        odd = nodes[-1:] if len(nodes) % 2 else []
        nodes = [sha(b"\1", nodes[i], nodes[i + 1]) for i in range(0, len(nodes) - 1, 2)] + odd
    return nodes[0]

def edge(size):
    """The unfinished tile of each level, and its width."""
    places = [(level, *divmod(size >> 8 * level, 256)) for level in range(8)]
    return [place for place in places if place[2]]

class Mirror:
    """A sparse copy of the log: a tile is tied to the checkpoint's root before it is used."""
    def __init__(self, files, size, root):
        self.files, self.size, self.tile = files, size, lru_cache(256)(self.proved)
        self.edge = {(level, n): self.raw(level, n) for level, n, _ in edge(size)}
        need(self.root_at(size) == root, "the tiles at the edge do not make up the checkpoint's root")
    def path(self, kind, level, n):
        width, text = min(256, (self.size >> 8 * level) - 256 * n), f"{n % 1000:03d}"
        while n >= 1000:
            n //= 1000
            text = f"x{n % 1000:03d}/{text}"
        return f"tile/{kind}/{text}" + ("" if width == 256 else f".p/{width}")
    def raw(self, level, n):
        data = self.files.read(self.path(level, level, n), 8192)
        need(len(data) == 32 * min(256, (self.size >> 8 * level) - 256 * n), "a tile has the wrong length")
        return [data[i : i + 32] for i in range(0, len(data), 32)]
    def proved(self, level, n):
        if (level, n) in self.edge:
            return self.edge[level, n]
        tile = self.raw(level, n)
        need(fold(tile) == self.tile(level + 1, n // 256)[n % 256], "a tile does not lead to the root")
        return tile
    def root_at(self, size):
        rest = []
        for level, n, width in edge(size):
            rest = [fold(self.tile(level, n)[:width] + rest)]
        return rest[0] if rest else sha()
    def entries(self, n):
        data, at, leaves = self.files.read(self.path("entries", 0, n), 256 * 65537), 0, []
        while at < len(data):
            at, leaf = at + 2 + int.from_bytes(data[at : at + 2], "big"), at + 2
            leaves.append(data[leaf:at])
        need(at == len(data) and [sha(b"\0", leaf) for leaf in leaves] == self.tile(0, n), "a record is not the tree's")
        return leaves

# --- Cedar: the part that conditions may use -------------------------------------------------------------------------

TOKEN = re.compile(r"\s*(?://[^\n]*\s*)*([A-Za-z_]\w*(?:::\"(?:[^\"\\]|\\.)*\")?|[0-9]+|&&|\|\||[=!<>]=|[<>!()\[\],.])")
SAID = {"&&": " and ", "||": " or ", "!": "1-", "true": "1", "false": "0", "if": "choose(", "then": ",", "else": ",",
        "in": " in ", "[": "Words((", "]": ",))"}
PLAIN = ("principal", "action", "resource", "context", "contains", "containsAll", "containsAny", "isEmpty")

class Words(frozenset):
    """A set of words, with Cedar's names for its methods."""
    contains, containsAll, isEmpty = frozenset.__contains__, frozenset.issuperset, lambda self: not self
    def containsAny(self, other):
        return not self.isdisjoint(other)

def condition(text):
    """A Cedar expression, word by word as one of Python's; nothing but the words above can come into it.  Its facts."""
    text, at, said, reads, ifs, last = re.sub(r"//[^\n]*\Z", "", text).rstrip(), 0, [], set(), [0], ""
    while at < len(text):
        match = TOKEN.match(text, at)
        at, word = match.end(), match[1]
        if word in ")],":
            said.append(")" * ifs[-1] + SAID.get(word, word))
            ifs = ifs[:-1] + [0] * (word == ",")
        elif "::" in word:
            entity = repr((word.split("::")[0], json.loads(word.split("::", 1)[1])))
            said.append(f"({entity},)" if last == "in" else entity)
        elif word == last == "!":
            said.pop()
            word = ""
        elif last == "." and word not in PLAIN:
            reads.add(word)
            said[-2:] = [f"context[{word!r}]"]
        else:
            need(word in SAID or word in PLAIN or not word[0].isalpha(), f"a condition says {word}")
            ifs = [*ifs[:-1], ifs[-1] + 1] if word == "if" else ifs + [0] * (word in "([")
            said.append(SAID.get(word, word))
        last = word
    names = {"Words": Words, "choose": lambda test, yes, no: yes if test else no, "__builtins__": {}}
    return eval(f"lambda context, principal, action, resource: {''.join(said)}{')' * ifs[0]}", names), reads

# --- signed documents (DSSE 1.0); a party's repository (TUF 1.0) -----------------------------------------------------

class Signed:
    """What a document says, and who signed it."""
    def __init__(self, raw, kind, shape=object, most=1 << 18):
        whole, kind = read_json(raw, f"a signed {kind}", exact=False), f"application/vnd.caveat.{kind}+json"
        self.payload, self.sigs = unb64(whole.payload), [(sig.keyid, unb64(sig.sig)) for sig in whole.signatures]
        need(whole.payloadType == kind and len(self.sigs) <= 16 and len(raw) <= most, "a document is of another kind")
        self.message = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(self.payload), self.payload)
        self.said = read_json(self.payload, kind, shape)
    def by(self, keys):
        """Those of the keys that have signed; what claims to be by one of them must hold."""
        for key, sig in ((key, sig) for key in keys for id_, sig in self.sigs if id_ == key.named):
            key.verify(self.message, sig)
        return [key for key in keys if key.named in dict(self.sigs)]

def olpc(value):
    """TUF's canonical JSON: of all characters only the quotation mark and the backslash are escaped."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{olpc(name)}:{olpc(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(olpc, value)) + "]"
    return '"' + re.sub(r'([\\"])', r"\\\1", value) + '"' if isinstance(value, str) else json.dumps(value)

def tuf(text, kind, root=None):
    """The signed part of metadata that enough keys of the root signed; a first root's own."""
    whole = read_json(text.encode(), f"{kind} metadata", {"signed": Row, "signatures": [Row], "*": object}, exact=False)
    signed, good, message = whole.signed, set(), olpc(whole.signed).encode()
    root = root or signed
    need(len({sig.keyid for sig in whole.signatures}) == len(whole.signatures), f"a key signed {kind} metadata twice")
    for sig in whole.signatures:
        try:
            need(sig.keyid in root.roles[kind].keyids, "another's signature counts for nothing")
            key, public = root["keys"][sig.keyid], root["keys"][sig.keyid].keyval.public
            if key.keytype == "ml-dsa":
                hashed = b"tuf\1" + hashlib.sha512(message).digest()  # TAP 21
                load_pem_public_key(public.encode()).verify(bytes.fromhex(sig.sig), hashed)
            else:
                key = ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
                key.verify(bytes.fromhex(sig.sig), message)
            good.add(sig.keyid)
        except REFUSED:
            continue
    need(signed["_type"] == kind and len(good) >= root.roles[kind].threshold >= 1, f"too few keys signed {kind} data")
    return signed

class Repository:
    """What a party lists: its newest root, and the targets that were seen last."""
    def __init__(self, text):
        self.files, self.roots, self.version, self.stamp, self.until = {}, set(), 0, "", 0
        self.take(text, tuf(text, "root"))
    def take(self, text, root):
        self.text, self.root, self.party, self.role = text, root, root.x_caveat.party, root.x_caveat.role
        self.roots.add(digest(text.encode()))
        self.least, ids = root.roles.targets.threshold, sorted(root.roles.targets.keyids)
        public = [(i, b"\1" + bytes.fromhex(root["keys"][i].keyval.public)) for i in ids]
        self.keys = [Key(f"{i}+{base64.b64encode(data).decode()}") for i, data in public]
    def see(self, doc, at):
        listing, was = read_json(doc, "a listing", exact=False), (self.party, self.role)
        need(self.text in listing.roots, "a listing lacks the trusted root")
        for text in listing.roots[listing.roots.index(self.text) + 1 :]:
            need(tuf(text, "root", self.root).version == self.root.version + 1, "a root does not follow")
            self.take(text, tuf(text, "root"))
        stamp, snapshot, targets = (tuf(listing[of], of, self.root) for of in ("timestamp", "snapshot", "targets"))
        for above, name, below in ((stamp, "snapshot", snapshot), (snapshot, "targets", targets)):
            meta, data = above.meta[f"{name}.json"], listing[name].encode()
            found = (below.version, sha(data).hex(), len(data))
            need((meta.version, meta.hashes.sha256, meta.length) == found, "metadata of several listings were mixed")
        self.until = min(moment(one.expires) for one in (self.root, stamp, snapshot, targets))
        need(at < self.until and was == (self.party, self.role), "a listing had expired, or is another party's")
        need(stamp.version > self.version or listing.timestamp == self.stamp, "a listing is older than one seen")
        self.version, self.stamp = stamp.version, listing.timestamp
        self.files = {path: file.hashes.sha256 for path, file in targets.targets.items()}

# --- the terms, and the decision over them ---------------------------------------------------------------------------

FOREVER = 2**53 - 1

def section(yaml, key):
    """A top-level key with its lines, without comments."""
    found = re.search(rf"(?ms)^{key}:.*?(?=^[A-Za-z_]+:|\Z)", yaml)
    return re.sub(r"(?m)(^|\s)#.*$", "", found[0]) + "\n" if found else ""

def words(text, key):
    """The words of every value under a key: plain, or a list in brackets or on lines of its own."""
    found = re.findall(rf"\b{key}[\"']?: *(\[[^\]]*\]|(?:\n *- [^\n]+)+|[^\n,}}]*)", text)
    return re.findall(r"[^\s\[\],\"'}]+", re.sub(r"(?m)^ *- ", "", "\n".join(found)))

def moment(text, days=0):
    """POSIX milliseconds of a day (and so many days more) or of a time."""
    at = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)
    return int((at + timedelta(days=days if len(text) == 10 else 0)).timestamp()) * 1000

def phase(lease, grant, at, used):
    """What terms allow at a time after so many calls: all (running), what goes on (continuity), nothing (lapsed)."""
    if not lease or (at < lease.until and used < lease.calls):
        return "running"
    if not grant or ("revocation" if lease.by else "lapse") not in grant.after or lease.by == "operator":
        return "lapsed"
    before = min(lease.until, lease.lapsed if grant.days and lease.lapsed else FOREVER) + grant.days * 86400000
    return "continuity" if at < before and used < lease.calls + grant.calls else "lapsed"

class Terms:
    """Signed terms, as far as decisions need them: the Cedar text with its notes, and a few values of the YAML."""
    def __init__(self, raw, trust, least):
        need(not {k.public for k in trust["vendor"]} & {k.public for k in trust["operator"]}, "one key for two parties")
        signed = Signed(raw, "terms", shaped("1:v s:yaml,cedar,schema i:vocabulary?"), 1 << 23)
        by = {role: {key.named for key in signed.by(trust[role])} for role in trust}
        need(all(len(by[role]) >= least.get(role, 1) for role in trust), "a party has not signed, or with too few keys")
        yaml, self.raw, self.vendor = signed.said.yaml, raw, by["vendor"]
        self.digest, self.memory, self.clauses, self.persons = digest(signed.payload), {}, {}, {}
        def of(part, key, default=None):
            return words(section(yaml, part), key) or [default]
        self.id, self.version = of("id", "id")[0], int(of("version", "version")[0])
        self.start, self.until = moment(of("valid", "from")[0]), moment(of("valid", "until")[0], 1)
        until, calls = of("lease", "until")[0], of("lease", "calls")[0]
        self.lease = (until or calls) and Row(issued=0, by="", lapsed=0, until=moment(until, 1) if until else FOREVER,
                                              calls=int(calls or FOREVER))
        self.grant = section(yaml, "continuity") and Row(
            days=int(of("continuity", "days", 0)[0]), calls=int(of("continuity", "calls", 0)[0]),
            purposes=set(of("continuity", "purposes")) - {None}, after=of("continuity", "after", "lapse"))
        self.least = (int(of("waivers", "approvers", 2)[0]), int(of("waivers", "vendor", 0)[0]))
        self.names = set(re.findall(r"\bname: *[\"']?([^\"',}\n]+)", section(yaml, "parties")))
        self.reader, self.seals = of("recognizer", "weights")[0], set(of("seals", "vkey")) - {None}
        self.purposes, self.models = set(of("purposes", "purposes")), set(of("models", "alias"))
        self.sealed = bool(self.seals) and self.models <= set(of("seals", "models"))
        self.thresholds = {code: int(n) for code, n in re.findall(r"([\w-]+): *([0-9]+)", section(yaml, "thresholds"))}
        for block in re.split(r"(?m)^ *- (?=id:|\{id:)", section(yaml, "clauses"))[1:]:
            self.persons[words(block, "id")[0]] = int((re.findall(r"\bapprovers: *([0-9]+)", block) or [1])[0])
        schema = json.loads(signed.said.schema, object_pairs_hook=once)[""]
        self.lists = {kind: set(of["enum"]) for kind, of in schema.entityTypes.items() if "enum" in of}
        self.types = schema.actions.chat.appliesTo.context.attributes
        form = r"((?:@\w+\(\"(?:[^\"\\]|\\.)*\"\)\n)+)\w+ \(principal, action, resource\)\nwhen \{\n(.*?)\n\};\n"
        for notes, when in re.findall(form, signed.said.cedar, re.DOTALL):
            notes = {k: json.loads(v) for k, v in re.findall(r"@(\w+)\((\"(?:[^\"\\]|\\.)*\")\)\n", notes)}
            notes |= {name: set(notes.get(name, "").split()) for name in ("fields", "duties")}
            self.clauses[notes["id"]] = Row(notes, **dict(zip(("when", "reads"), condition(when))))
        self.reads = sorted({name for clause in self.clauses.values() for name in clause.reads})
    def over(self, scores):
        least = self.thresholds
        return sorted(c for c, n in scores.items() if c in self.lists["Hazard"] and n >= least.get(c, least["default"]))
    def seen(self, facts, name):
        """A fact as conditions see it; None where it is not in the signed schema."""
        scores, _, code = name.partition("_")
        value, kind = facts[scores].get(code, 0) if code else facts.get(name), self.types[name]
        if kind.type == "Entity":
            return (kind.name, value) if value in self.lists[kind.name] else None
        if kind.type == "Set":
            of = kind.element.name
            return Words((of, word) for word in value) if set(value) <= self.lists[of] else None
        return value
    def holds(self, facts):
        """Ids of the clauses that hold, sorted; None where the facts do not fit the signed schema."""
        seen = [self.seen(facts, name) for name in self.reads]
        at = (facts["caller"], facts["operation"], facts["model"], *seen)
        if at not in self.memory:
            self.memory = self.memory if len(self.memory) < 1 << 16 else {}
            env = (dict(zip(self.reads, seen)), ("Caller", at[0]), ("Action", at[1]), ("Model", at[2]))
            fit = None not in seen and at[2] in self.lists["Model"]
            self.memory[at] = sorted(i for i, c in self.clauses.items() if c.when(*env)) if fit else None
        return self.memory[at]
    def decide(self, facts, lifts, lapsed=False):
        """The decision, as a record would hold it but for its engine."""
        held, waived = self.holds(facts), {}
        made = {"held": held or [], "unmet": [], "errors": [], "waived": [], "duties": [], "terms": self.digest}
        def so(verdict, rule, clauses=(), **more):
            return made | {"verdict": verdict, "rule": rule, "clauses": list(clauses)} | more
        if held is None:
            return so("deny", "error", errors=[["", "the facts do not fit the terms' fact schema"]])
        for lift in sorted(lifts, key=lambda one: (one.kind, one.id)):
            waived |= {c: lift for c in held if c not in waived and self.lifts(lift, self.clauses[c], facts)}
        live, fields = {"forbid": [], "hold": [], "permit": [], "oblige": []}, set()
        for c in (c for c in held if c not in waived):
            live[self.clauses[c].effect].append(c)
            fields |= self.clauses[c].fields if self.clauses[c].effect == "permit" else set()
        made["duties"] = united({duty for c in held for duty in self.clauses[c].duties})
        if lapsed:
            return so("deny", "lapsed")
        made["waived"] = sorted([c, lift.id] for c, lift in waived.items())
        if live["forbid"]:
            return so("deny", "forbid", live["forbid"])
        if facts["unknownFields"] or facts["unreadParts"] or not set(facts["fields"]) <= fields:
            return so("deny", "unreadable")
        if live["hold"]:
            return so("hold", "hold", live["hold"])
        if not live["permit"]:
            return so("deny", "no-permit", unmet=sorted(c for c, of in self.clauses.items() if of.effect == "permit"))
        kinds = {lift.kind for lift in waived.values()}
        return so("allow", "waiver" if "waiver" in kinds else "approval" if kinds else "permit", live["permit"])
    def lifts(self, lift, clause, facts):
        """Whether an exception lifts a clause that holds."""
        may = clause.effect == "hold" if lift.kind == "approval" else clause.waivable == "true"
        return (may and clause.effect in ("forbid", "hold") and clause.id in lift.clauses and lift.terms == self.digest
                and lift.from_ms <= facts["epoch"] * 1000 < lift.until_ms and (not lift.case or facts["caseGiven"])
                and (lift.max_rank < 0 or facts["labelRank"] <= lift.max_rank) and all(
                    not lift[f"{name}s"] or facts[name] in lift[f"{name}s"] for name in ("caller", "purpose", "model")))

def united(duties):
    """Duties of several clauses as one list: the strictest value of those that count, each other value once."""
    found = defaultdict(set)
    for name, _, value in (duty.partition("=") for duty in duties):
        found[name].add(int(value) if name in ("limit.tokens", "retain.days") else value)
    for name, values in found.items():
        strictest = {"limit.tokens": min, "retain.days": max}.get(name)
        bare = name == "redact.output" and "" in values
        found[name] = {strictest(values)} if strictest else {""} if bare else values - {""} or values
    return [{"name": name, "value": value} for name in sorted(found) for value in sorted(found[name])]

# --- records ---------------------------------------------------------------------------------------------------------

ENDINGS = {"completed", "denied", "held", "stopped", "withheld", "broken", "aborted", "unknown"}
BLANK = {"at": -1, "tok": None, "w": [], "c": {}} | dict.fromkeys(("call", "terms", "o", "what", "id", "doc", "m"), "")
LEAF = shaped("1:v s:k,g,call?,terms?,o?,what?,id?,doc?,m? i:t,at? L:w? S:c?") | {"tok?": object}
FACTS = {group: shaped(text) for group, text in {
    "who": "s:caller,callerKind i:clearanceRank", "place": "s:network,posture i:epoch",
    "what": "s:operation,model,modelKind b:streaming,structured L:modalities,fields i:choices,charsIn,tokensOutMax,"
            "unknownFields,unreadParts",
    "why": "s:purpose,outputUse,effect,regulatedArea,oversight b:caseGiven",
    "data": "i:labelRank s:labelSource,personalData L:caveats b:secretsIn",
    "content": "D:pm L:hazardsIn,voicedIn,hiddenText,guardHazards? i:hazardPermille b:languageUncovered "
               "s:detector,guard?",
    "tools": "L:tools i:unlistedTools s:sideEffect",
    "reply": "D:pmOut s:stage,personalDataOut,sideEffectOut L:hazardsOut,toolsCalled i:labelRankOut,unlistedCalls "
             "b:secretsOut"}.items()}
DUTIES = {"duties": [{"name": str, "value": object}]}
DECISION = shaped("s:verdict,rule,terms,engine L:clauses,held,unmet W:waived,errors") | DUTIES
VALUES = {**FACTS, "decision": DECISION, "request": Row}
REPLIED = {"completed", "stopped", "withheld", "broken", "aborted"}

def read_leaf(data):
    leaf = Row(BLANK | read_json(data, "a record", LEAF))
    need(leaf.o in ENDINGS if leaf.k in ("settled", "refused") else leaf.k in ("opened", "control") and leaf.o == "",
         "a record is of no kind, or does not say how a call ended")
    need(leaf.tok is None or (fits(leaf.tok, [range(2**63)]) and len(leaf.tok) == 2), "a record has impossible counts")
    need(leaf.w == sorted(set(leaf.w)) and (not leaf.w or leaf.k in ("opened", "settled")), "a record spends oddly")
    need(not leaf.m or leaf.k == "settled", "a record bears a seal's ticket that it cannot")
    must = {"reply", "decision", "answer"} if leaf.o in REPLIED else VALUES if leaf.k == "opened" else ()
    need(set(must) <= set(leaf.c), "a record does not commit to all it must")
    return leaf

def disclosed(leaf, disclosures):
    """Values by name, each found to be what the record committed to (RFC 9901 section 4.2), and of its shape."""
    values = {}
    for text in disclosures:
        salt, name, value = read_json(unb64(text, url=True), "a disclosure", [object])
        need(name not in values and leaf.c.get(name) == url64(sha(text.encode())), f"{name} was not committed to")
        need(fits(value, VALUES.get(name, object) if leaf.k != "refused" or name not in VALUES else Row),
             f"what was committed to as {name} is none")
        values[name] = value
    return values

# --- what is in force: the control records, folded -------------------------------------------------------------------

NOTED = ("log.opened", "evaluated", "gateway.stopped", "gateway.started", "coverage.measured", "clock.back",
         "clock.ahead", "talks.step", "content.viewed", "evidence.challenged", "evidence.answered", "evidence.judged")
DOCUMENTS = {of: shaped(text) for of, text in {
    "party": "r:role s:name,vkey b:sample?", "move": "1:v s:party r:role p:root", "alias": "s:terms,model b:on_lapse?",
    "approver": "1:v s:person,name,vkey r:side p:root?", "key.new": "s:role,secret_digest o:caller b:sample? o:budget?",
    "key.budgeted": "u:calls_day?,calls_month?,tokens_day?,tokens_month?", "review": "1:v w:by,found",
    "destroyed": "1:v W:bodies", "export": "e:format s:receiver o:export",
    "exported": "u:number,from,to,size s:profile,manifest,checkpoint", "tickets": "L:tickets",
    "claim": "1:v w:about s:how,standing,clause,digest,disputes d:said t:says,by,link,review T:through",
    "waiver": "1:v p:terms L:clauses,callers,purposes,models s:requester,case w:reason h:nonce "
              "u:from_ms,until_ms,max_uses i:max_rank",
    "hold": "1:v h:hold p:terms,body L:clauses s:dialect,caller,purpose,model i:rank,from_ms,until_ms p:reply?",
    "notice": "1:v h:call L:clauses s:terms,ending,log i:index,at_ms"}.items()}
ENDED = r"caveat-end/v1\n.*\n(.*)\n.*\n(?:ends (.*)\n)?"
RENEWED = r"caveat-renewal/v1\n.*\n(.*)\nissued (.*)\nuntil (.*)\ncalls (-|[0-9]{1,16})\n"

class Register:
    """What is in force after the control records so far.  The methods named `on_...` are what each kind does."""
    def __init__(self):
        self.parties, self.repositories, self.vendors, self.approvers = [], {}, {}, []
        self.terms, self.seen, self.newest, self.closed, self.leases, self.spans = {}, {}, {}, set(), {}, []
        self.keys, self.seals, self.exports, self.claims, self.reviewed = set(), set(), {}, {}, set()
        self.lifts, self.granted, self.decided = {}, {}, set()
        self.standby, self.moved, self.under, self.left = {}, {}, {}, {}
    def add(self, index, leaf, doc):
        """One control record; `doc` is the document that it names, None where the profile withholds it."""
        act = getattr(self, "on_" + leaf.what.replace("_", "-").replace(".", "_"), None)
        need(act or leaf.what in NOTED, f"{leaf.what} is an act that this script does not know")
        if act:
            act(index, leaf, doc)
        self.granted |= self.lifts
        for span in self.spans:
            if span.ended < 0 and span.digest != getattr(self.terms.get(span.id), "digest", ""):
                span["ended"] = index
        live = {span.digest for span in self.spans if span.ended < 0}
        self.spans += [Row(adopted=index, digest=terms.digest, ended=-1, id=id_)
                       for id_, terms in self.terms.items() if terms.digest not in live]
        for alias in {alias for terms in self.seen.values() for alias in terms.models} | set(self.moved):
            served = self.terms.get(self.served(alias))
            self.under |= {alias: served.digest} if served else {}
    # parties and their approvers
    def trust(self, role):
        kept = [one for one in self.repositories.values() if one.role == role]
        return [key for one in kept for key in one.keys] if kept else self.bare(role)
    def bare(self, role):
        return [Key(party.vkey) for party in self.parties if party.role == role]
    def on_party_trusted(self, index, leaf, doc):
        party = read_json(doc, "a party", DOCUMENTS["party"], exact=False)
        self.parties = [one for one in self.parties if one.vkey != party.vkey] + [party]
        need(self.bare(party.role), "a party's key cannot be read")
    def on_party_rooted(self, index, leaf, doc):
        one = Repository(doc.decode())
        need(leaf.id not in self.repositories and one.party == leaf.id, "a second root was trusted, or another party's")
        self.repositories[leaf.id] = one
    def on_party_seen(self, index, leaf, doc):
        self.repositories[leaf.id].see(doc, leaf.t)
    def on_party_moved(self, index, leaf, doc):
        """A repository stands in the place of the bare key that signed terms, by that key's word."""
        move, one = Signed(doc, "party-move", DOCUMENTS["move"], 1 << 16), self.repositories[leaf.id]
        by = {key.named for key in move.by(self.bare("vendor"))}
        moved = {id_ for id_, terms in self.terms.items() if not self.vendors.get(id_) and terms.vendor <= by}
        need(moved and (move.said.party, move.said.role) == (leaf.id, one.role) and move.said.root in one.roots,
             "a move is to another root, or of a key that signed no terms in force")
        self.vendors |= dict.fromkeys(moved, leaf.id)
    def on_approver_trusted(self, index, leaf, doc):
        signed = Signed(doc, "approver", DOCUMENTS["approver"], 1 << 16)
        person, by = signed.said, signed.by(self.trust(signed.said.side))
        root, public = person.get("root"), {key.public for key in by}
        own = {party for party, one in self.repositories.items()
               if public & {key.public for key in one.keys} and (not root or root in one.roots)}
        need(by and (own or not root) and person.person == leaf.id, "no party of theirs has named an approver")
        person |= {"doc": doc, "key": Key(person.vkey), "by": own | ({root} if root else {key.named for key in by})}
        for other in self.approvers:
            same, key = other.person == person.person, other.key.public == person.key.public
            need(other.side == person.side if same else not key, "an approver stands on two sides, or shares a key")
            need(not same or person.side != "vendor" or other.by & person.by, "an approver was named by two vendors")
        self.approvers = [other for other in self.approvers if other.vkey != person.vkey] + [person]
    def on_approver_removed(self, index, leaf, doc):
        need(any(one.person == leaf.id for one in self.approvers), "an approver was removed who is none")
        self.approvers = [one for one in self.approvers if one.person != leaf.id]
    def vendor_of(self, terms):
        """The repository of the vendor that signed terms, None where it keeps none; and that vendor's keys."""
        own = self.repositories.get(self.vendors.get(terms.id, ""))
        return own, own.keys if own else [key for key in self.bare("vendor") if key.named in terms.vendor]
    # terms
    def on_terms_adopted(self, index, leaf, doc):
        signed, meant = dict(Signed(doc, "terms", most=1 << 23).sigs), {}
        for one in self.repositories.values():  # of several of a role the one whose keys have signed is meant
            count = sum(key.named in signed for key in one.keys)
            if one.role not in meant or count > meant[one.role][0]:
                meant[one.role] = (count, one)
        meant = {role: one for role, (_, one) in meant.items()}
        keys = {role: meant[role].keys if role in meant else self.trust(role) for role in ("vendor", "operator")}
        terms = Terms(doc, keys, {role: one.least for role, one in meant.items()})
        for one in meant.values():
            listed = one.files.get(f"terms/{terms.id}@{terms.version}.json")
            need(listed == sha(doc).hex() and leaf.t < one.until, f"{one.party} did not list the terms adopted")
        vendor, old = meant["vendor"].party if "vendor" in meant else "", self.terms.get(terms.id, terms)
        need(self.vendors.setdefault(terms.id, vendor) == vendor, "another vendor signed a later version of terms")
        last, mark = self.newest.get(terms.id, (0, "")), (terms.version, terms.digest)
        need(terms.digest not in self.closed and (mark[0] > last[0] or mark == last), "ended or older terms came again")
        if old.digest != terms.digest:
            self.leases.pop(old.digest, None)
        if terms.lease:
            self.leases.setdefault(terms.digest, terms.lease)
        self.newest[terms.id], self.terms[terms.id], self.seen[terms.digest] = mark, terms, terms
        self.seals |= terms.seals
    def on_terms_ended(self, index, leaf, doc):
        """At once; or, by a party's word, on the day of its notice, and what the terms grant after it goes on."""
        terms = self.terms[leaf.id]
        if doc:
            own = self.vendor_of(terms)[1]
            said, by = open_note(doc, [*own, *self.trust("operator")], ENDED)
            need(said[1] == terms.digest, "another pair was ended")
            self.closed.add(terms.digest)
            role = "vendor" if {key.text for key in own} & {key.text for key in by} else "operator"
            lease = self.leases.pop(terms.digest, Row(until=FOREVER, calls=FOREVER, issued=0, lapsed=0))
            until = min(lease.until, max(moment(said[2]) if said[2] else 0, leaf.t))
            if until > leaf.t or (role == "vendor" and terms.grant and "revocation" in terms.grant.after):
                self.leases[terms.digest] = Row(lease, until=until, by=role)
        if not doc or terms.digest not in self.leases:
            del self.terms[leaf.id]
        if leaf.id not in self.terms or self.leases[terms.digest].until <= leaf.t:
            self.move_on(leaf.id)
    def on_terms_renewed(self, index, leaf, doc):
        terms = self.terms[leaf.id]
        lease, (own, keys) = self.leases[terms.digest], self.vendor_of(terms)
        said, by = open_note(doc, keys, RENEWED)
        issued, until = moment(said[2]), FOREVER if said[3] == "-" else moment(said[3])
        need(len({key.text for key in by}) >= (own.least if own else 1) and said[1] == terms.digest and terms.lease
             and not lease.by and issued > lease.issued and until > leaf.t, "a renewal does not hold")
        calls = FOREVER if said[4] == "-" else int(said[4])
        self.leases[terms.digest] = Row(issued=issued, until=until, by="", lapsed=0, calls=calls)
    def on_lease_lapsed(self, index, leaf, doc):
        lease = self.leases[self.terms[leaf.id].digest]
        need(not lease.lapsed and (leaf.t >= lease.until or lease.calls < FOREVER), "a lease lapsed again or too early")
        self.leases[self.terms[leaf.id].digest] = Row(lease, lapsed=max(leaf.t, 1))
        self.move_on(leaf.id, lapsed=True)
    # aliases
    def served(self, alias):
        """The id of the terms that an alias is served under."""
        waits = self.standby.get(alias, {})
        named = (id_ for id_, terms in self.terms.items() if alias in terms.models
                 and (id_, alias) != (waits.get("terms"), waits.get("model")))
        return self.moved[alias].terms if alias in self.moved else next(named, "")
    def go(self, alias, target):
        """From here on no call for an alias goes to the terms that it was served under."""
        first = self.under.get(alias, "")
        self.moved[alias], self.left[alias] = target, first if first != self.terms[target.terms].digest else ""
    def move_on(self, ended, lapsed=False):
        """Terms have ended, or lapsed: what was served under them goes to what stands by."""
        for alias, target in list(self.standby.items()):
            under = self.served(alias) == ended or (alias not in self.moved and not self.served(alias))
            if target.terms == ended and not lapsed:
                del self.standby[alias]
            elif target.terms in {*self.terms} - {ended} and under and (not lapsed or target.get("on_lapse")):
                self.go(alias, self.standby.pop(alias))
    def on_alias_standby(self, index, leaf, doc):
        """What stands by for an alias, or where it goes at once."""
        if leaf.what == "alias.standby" and not doc:
            need(self.standby.pop(leaf.id, None), "nothing stood by for an alias")
            return
        target = read_json(doc, "where an alias goes", DOCUMENTS["alias"], exact=False)
        need(target.model in self.terms[target.terms].models and (leaf.id in self.moved or any(
            leaf.id in terms.models for terms in self.terms.values())), "an alias goes where no terms cover it")
        if leaf.what == "alias.switched":
            self.standby.pop(leaf.id, None)
            self.go(leaf.id, target)
        else:
            need(self.served(leaf.id) != target.terms, "what stands by is what serves")
            self.standby[leaf.id] = target
    on_alias_switched = on_alias_standby
    # what is said about terms: nothing stands on it
    def on_terms_claimed(self, index, leaf, doc):
        signed = Signed(doc, "claim", DOCUMENTS["claim"], 1 << 15) if b'"payloadType"' in doc else None
        claim = signed.said if signed else read_json(doc, "a claim", DOCUMENTS["claim"])
        need(not signed or signed.by(self.trust("vendor") + self.trust("operator")), "no party signed a claim")
        need(leaf.id == "c-" + sha(doc).hex()[:16] and leaf.id not in self.claims, "a claim is another's")
        most = {"about": 80, "clause": 80, "by": 200, "link": 1000, "review": 200}
        need(len(doc) <= 1 << 15 and len(claim.through) <= 16 and all(len(claim[name]) <= n for name, n in most.items())
             and all(len(name) <= 200 for name in claim.through) and claim.says and moment(claim.said) >= 0
             and claim.how in ("quoted", "paraphrased") and re.fullmatch(f"|{PAIR}", claim.digest), "a claim is none")
        about = self.terms.get(claim.about.partition("@")[0])
        good = {"stated": claim.by and not claim.through and (not about or claim.by in about.names),
                "reported": claim.by or claim.through, "disputed": True, "unverified": True}
        need(good[claim.standing] and claim.disputes in {"", *self.claims}, "a claim is nobody's, or disputes nothing")
        self.claims[leaf.id] = claim
    def on_claim_reviewed(self, index, leaf, doc):
        review = read_json(doc, "a review", DOCUMENTS["review"], exact=False)
        need(self.claims[leaf.id].review and leaf.id not in self.reviewed, "a review of nothing")
        need(len(review.by) <= 100, "a review is by nobody")
        self.reviewed.add(leaf.id)
    # keys, exports, the vault
    def on_key_new(self, index, leaf, doc):
        need((leaf.id in self.keys) == (leaf.what != "key.new"), "a key's name is used again, or was never made")
        if doc is not None and leaf.what in DOCUMENTS:
            read_json(doc, "a key", DOCUMENTS[leaf.what], exact=False)
        self.keys.add(leaf.id)
    on_key_revoked = on_key_budgeted = on_key_new
    def on_evidence_exported(self, index, leaf, doc):
        if doc:
            said = read_json(doc, "an export", DOCUMENTS["export"])
            new, last = said.export, self.exports.get(leaf.id, Row(number=0, size=0))
            need(fits(new, DOCUMENTS["exported"]) and said.receiver == leaf.id and new.number == last.number + 1,
                 "an export has another number than is due")
            need(0 <= new["from"] <= new.to <= new.size <= index and new.size >= last.size,
                 "an export is of records that were not there yet")
            self.exports[leaf.id] = new
    def on_bodies_destroyed(self, index, leaf, doc):
        gone = read_json(doc, "what was destroyed", DOCUMENTS["destroyed"], exact=False).bodies
        need(str(len(gone)) == leaf.id and all(len(one) == 2 for one in gone), "other bodies were destroyed")
    # exceptions
    def heard(self, pair):
        """Terms in force, and who counts on exceptions: the operator's approvers, and those whom their vendor named."""
        terms, own = next((terms for terms in self.terms.values() if terms.digest == pair), None), set()
        if terms:
            vendor, keys = self.vendor_of(terms)
            own = {vendor.party, *(key.named for key in keys)} if vendor else terms.vendor
        return terms, [person for person in self.approvers if person.side != "vendor" or person.by & own]
    def on_waiver_granted(self, index, leaf, doc):
        """A waiver, a held call or a kept reply: enough persons approved who do not ask themselves, or one refused."""
        kind, _, verb = leaf.what.partition(".")
        if kind == "hold":
            self.lifts = {id_: one for id_, one in self.lifts.items() if one.kind == "waiver" or leaf.t < one.until_ms}
        nobody = not doc and (kind == "hold" or (verb == "refused" and re.fullmatch("w-[0-9a-f]{16}", leaf.id)))
        need(leaf.id not in self.decided and (doc or nobody), "an exception was decided twice, or by nobody")
        self.decided.add(leaf.id)
        if nobody:
            return
        refused = verb == "refused" or b'"application/vnd.caveat.hold-refusal+json"' in doc
        signed = Signed(doc, kind + "-refusal" * refused, DOCUMENTS[kind])
        ask, (terms, heard) = signed.said, self.heard(signed.said.terms)
        by = {key.named for key in signed.by([person.key for person in heard])}
        persons = {person.person: person.side for person in heard if person.key.named in by}
        named = ask.hold if kind == "hold" else "w-" + sha(signed.payload).hex()[:16]
        need(named == leaf.id and persons, "a document is about another exception than its record, or nobody's")
        if refused:
            return
        need(terms and leaf.t < ask.until_ms and ask.clauses, "an exception is for terms not in force, or had lapsed")
        without = {ask.requester} if kind == "waiver" else {ask.caller, ask.caller.lower()}
        sides = [side for person, side in persons.items() if person not in without]
        clauses = [terms.clauses[clause] for clause in ask.clauses]
        if kind == "waiver":
            need(all(clause.waivable == "true" for clause in clauses), "a waiver lifts what none can")
            need(ask.from_ms < ask.until_ms <= ask.from_ms + 366 * 86400000, "a waiver lasts too long")
            need(set(ask.purposes) <= terms.purposes and set(ask.models) <= terms.models, "a waiver's scope is unknown")
            need(len(sides) >= terms.least[0] and sides.count("vendor") >= terms.least[1], "too few approved a waiver")
            self.lifts[leaf.id] = Row(ask, kind="waiver", id=leaf.id, reply="")
        else:
            waits = [c.effect == "hold" or ("reply" in ask and "review.human" in c.duties) for c in clauses]
            need(all(waits) and len(sides) >= max(terms.persons[c] for c in ask.clauses), "too few approved a hold")
            scope = {"callers": [ask.caller], "purposes": [ask.purpose], "models": [ask.model], "max_rank": ask.rank}
            self.lifts[leaf.id] = Row(ask, **scope, kind="approval", id=ask.hold, case="", max_uses=1,
                                      reply=ask.get("reply", ""))
    on_waiver_refused = on_hold_decided = on_waiver_granted
    def on_waiver_ended(self, index, leaf, doc):
        need(leaf.id in self.lifts and self.lifts.pop(leaf.id).kind == "waiver", "a waiver was ended that is none")

# --- the seals' counts -----------------------------------------------------------------------------------------------

N, HASH = "(?:0|[1-9][0-9]{0,14})", "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
TICKET = re.compile(
    r"(?P<signed>caveat-meter/v1 (?P<seal>[!-~]{1,120}) (?P<boot>[1-9][0-9]{0,9}) (?P<number>[1-9][0-9]{0,14}) "
    rf"(?P<call>[0-9a-f]{{32}}) {HASH} {HASH} (?P<fed>-|{N}) (?P<made>-|{N}) (?:done|cut|failed|unknown) "
    rf"(?:0|[1-9][0-9]{{2}}) {N} (?P<prev>{HASH})) (?P<sig>[A-Za-z0-9_-]{{85}}[AQgw])")
BEAT = (rf"caveat-beat/v1\nseal (?P<seal>[!-~]{{1,120}})\nboot (?P<boot>{N})\nbeat (?P<beat>{N})\n"
        rf"kind (?P<kind>open|tick|close|lost)\nat {N}\nlast (?P<last>{N})\nopen (?P<open>-|{N}(?: {N})*)\n"
        rf"head (?P<head>{HASH})\ntokens (?P<tokens>{N} {N})\nunmeasured (?P<bare>{N})\nrefused {N}\n"
        rf"engine (?P<engine>-|{N} {N})\ntotal (?P<total>{N})\nprevious (?P<upto>{N}) (?P<previous>{HASH})\n"
        rf"model [!-~]{{1,300}}\nrecords {N}\n")

def figures(found, lists=()):
    """What a match names: texts, numbers (None for `-`), and lists of numbers (empty for `-`)."""
    def value(name, text):
        if name in lists:
            return [int(n) for n in text.replace("-", "").split()]
        return None if text == "-" else int(text) if name != "seal" and re.fullmatch(N, text) else text
    return Row({name: value(name, text) for name, text in found.groupdict().items()})

def less(these, those):
    return [a - b for a, b in zip(these, those)]

class Seal:
    """One seal's count against the records."""
    def __init__(self):
        self.last, self.quiet, self.held, self.recent, self.beats = None, None, {}, {}, 0
    def ticket(self, ticket, late):
        """A ticket in a record, or (`late`) in a document of those that came by no reply.  Whether it is new."""
        place, last = (ticket.boot, ticket.number), self.last
        known = self.held.get(place) or self.recent.get(place)
        counted = last and place <= (last.boot, last.last) and (place[0] < last.boot or place[1] not in last.open)
        same = known and known[0].head == ticket.head
        need((late or known[1]) if same else not known and not counted, "a seal's ticket or number comes twice")
        self.held |= {} if same else {place: (ticket, late)}
        return not same
    def beat(self, beat, first):
        """A beat in the range; `first` where what is missing may stand before the range."""
        old, zero = self.last, Row(boot=0, beat=0, last=0, open=[], tokens=[0, 0], bare=0, total=0, head=beat.previous)
        if beat == old:
            return
        base = old if old and old.boot == beat.boot else zero
        new, ended = (beat.last - base.last, beat.total - (old or zero).total), not old or old.kind in ("close", "lost")
        need(beat.beat == base.beat + 1 and new[0] >= 0 and ended == (base is zero), "a seal's beats do not follow")
        need(not old or base is old or (beat.boot, beat.upto, beat.previous) == (old.boot + 1, old.last, old.head),
             "a seal's boots do not follow each other")
        need(new[1] == (new[0] if base is old or not old else 0) and new[0] <= 5000000, "a seal's count is off")
        wanted = {*range(base.last + 1, beat.last + 1), *base.open} - {*beat.open}
        self.recent = {(beat.boot, n): self.held.pop((beat.boot, n)) for n in wanted if (beat.boot, n) in self.held}
        found, at, whole = [ticket for ticket, _ in self.recent.values()], beat.head, len(self.recent) == len(wanted)
        heads = {ticket.head: ticket.prev for ticket in found}
        while at in heads:
            at = heads.pop(at)
        need(whole or first, "calls that a seal counted are in no record")
        need(not whole or (not heads and at == base.head), "tickets are not the ones that the seal chained")
        sums = [sum(ticket.fed or 0 for ticket in found), sum(ticket.made or 0 for ticket in found),
                sum(ticket.fed is None and ticket.made is None for ticket in found)]
        need(not whole or sums == less([*beat.tokens, beat.bare], [*base.tokens, base.bare]), "a seal's sums differ")
        if beat.engine and not beat.open:
            quiet, self.quiet = self.quiet, beat
            engine = less(beat.engine, quiet.engine) if quiet and quiet.boot == beat.boot else [-1]
            more = less(engine, less(beat.tokens, quiet.tokens)) if quiet else []
            need(min(engine) < 0 or not any(more) or (beat.bare != quiet.bare and min(more) >= 0),
                 "the engine counted other than came through the seal")
        self.last, self.beats = beat, self.beats + 1

# --- the walk over the records ---------------------------------------------------------------------------------------

CLOSED = ("key.new", "key.budgeted", "log.opened")
PROFILES = {"full": (None, ()), "counts": ({"decision"}, CLOSED), "none": (set(), CLOSED),
            "audit": ({*FACTS, "decision", "duties", "upstream"}, ())}
FIRST = Counter({"last call": -1, "sent": 0, "running": 0})
UNSENT = {"denied", "held"}

class Walk(Register):
    """Every record in order, and what stands open between them."""
    def __init__(self, files, manifest, log):
        super().__init__()
        self.files, self.m, self.log, (self.shows, self.closes) = files, manifest, log, PROFILES[manifest.profile]
        self.start, self.to, self.latest, self.opened_at = manifest["from"], manifest.to, 0, 0
        self.meters, self.late, self.sent, self.never, self.bearless = defaultdict(Seal), set(), set(), set(), set()
        self.calls, self.held, self.owed, self.beyond, self.spent, self.used = {}, {}, {}, {}, Counter(), Counter()
        self.counts, self.endings, self.made, self.shown = Counter(), Counter(), Counter(), Counter()
        self.counted, self.recent, self.controls, self.hidden = {}, defaultdict(list), [], set()
        self.lines, self.at, self.line = files.read("disclosures.jsonl", 1 << 32), 0, Row(i=self.start - 1)
        self.next_line()
    def next_line(self):
        if self.at == len(self.lines):
            self.line = Row(i=-1)
            return
        end, last = self.lines.index(b"\n", self.at), self.line.i
        self.line = read_json(self.lines[self.at : end], "a disclosure", shaped("L:d i:i"), exact=False)
        need(last < self.line.i < self.to, "a disclosure is out of place")
        self.at = end + 1
    def read(self, index, data):
        leaf = read_leaf(data)
        need(leaf.t >= self.latest - 300000, f"record {index} bears a time before that of one that stands before it")
        self.latest = max(self.latest, leaf.t)
        return leaf
    def control(self, index, leaf):
        if leaf.doc in self.m.withheld:
            need(leaf.what in self.closes, "a document is withheld that the profile does not withhold")
            self.hidden.add(leaf.doc)
        named = leaf.doc and leaf.doc not in self.hidden
        doc = self.files.read("control/" + leaf.doc[7:]) if named else None if leaf.doc else b""
        need(not named or digest(doc) == leaf.doc, "a control document is another than its record names")
        self.add(index, leaf, doc)
    def on_vendor_notified(self, index, leaf, doc):
        """A note for the vendor, signed by the log."""
        note = Signed(doc, "notice", DOCUMENTS["notice"], 1 << 16)
        need(note.by(self.log) and note.said.clauses and note.said.call == leaf.id, "a note is another's")
        self.owed.pop(leaf.id, None)
    def on_end_stated(self, index, leaf, doc):
        """A statement of end: signed by the log, and counted again where every record of the pair was seen."""
        form = r"caveat-end-statement/v1\n.*\n(.*)\nended by the (?:vendor|operator) at record [0-9]{1,16}: .{1,500}\n"
        found, _ = open_note(doc, self.log, form + r"((?:[a-z]+(?: call)? (?:[0-9]{1,16}|-)\n)*)(.*\n.*\n.*\n)")
        said = [line.rsplit(" ", 1) for line in found[2].splitlines()]
        names, size, recent = {name for name, _ in said}, tree_head(found[3])[1], self.recent[found[1]]
        need({*FIRST} <= names <= {*FIRST, *ENDINGS} and len(names) == len(said), "a statement of end is none")
        late = [before for at, before in recent if at >= size]
        same = Counter({name: -1 if count == "-" else int(count) for name, count in said}) == (
            late[0] if late else self.counted.get(found[1], FIRST))
        need(same or self.start or (len(recent) == 64 and recent[0][0] > size), "a statement of end counts otherwise")
    def count(self, index, leaf):
        """What a statement of end counts of a pair."""
        if leaf.terms:
            now, opened = Counter(self.counted.get(leaf.terms, FIRST)), leaf.k == "opened"
            self.recent[leaf.terms] = [*self.recent[leaf.terms], (index, Counter(now))][-64:]
            now["last call"] = index if opened else now["last call"]
            now["running"] += opened - (leaf.k == "settled")
            now["sent"] += (opened and not self.fetches(leaf.w)) - (leaf.o in UNSENT)
            now[leaf.o] += leaf.k == "settled"
            self.counted[leaf.terms] = now
    def fetches(self, spent):
        """Whether a call that spends these fetches a reply that was kept: nothing goes to the model then."""
        return any(id_ in self.lifts and self.lifts[id_].reply for id_ in spent)
    # what seals counted
    def seal_keys(self, name):
        return [key for key in map(key_of, sorted(self.seals)) if key.name == name]
    def take(self, line, late=False):
        """A ticket is counted if terms enrol its seal, which must have signed it.  Whether it is new."""
        ticket = figures(TICKET.fullmatch(line))
        ticket["head"], keys = url64(sha(ticket.signed.encode())), self.seal_keys(ticket.seal)
        need(not late or keys, "a document holds a ticket of a seal that no terms enrol")
        for key in keys[:1]:
            key.verify(ticket.signed.encode(), unb64(ticket.sig, url=True))
        return ticket, not keys or self.meters[ticket.seal].ticket(ticket, late)
    def on_meter_beat(self, index, leaf, doc):
        found, _ = open_note(doc, self.seal_keys(leaf.id), BEAT)
        beat, seal = figures(found, ("open", "tokens", "engine")), self.meters[leaf.id]
        need(beat.seal == leaf.id and beat.boot >= 1 and beat.beat >= 1 and beat.open == sorted(set(beat.open))
             and min(beat.open, default=1) >= 1 and max(beat.open, default=0) <= beat.last <= beat.total
             and (beat.kind == "open") == (beat.beat == 1), "a seal's beat says what cannot be")
        need(beat.boot > 1 or (beat.upto, beat.previous) == (0, "A" * 43), "a seal had a boot before its first")
        if index < self.start:
            seal.last = beat
        elif index < self.to:
            seal.beat(beat, self.start > 0 and not seal.beats)
    def on_meter_tickets(self, index, leaf, doc):
        for line in read_json(doc, "a document of tickets", DOCUMENTS["tickets"], exact=False).tickets:
            need(line.split(" ")[1] == leaf.id, "a document of tickets is another seal's")
            if self.start <= index < self.to:
                ticket, new = self.take(line, late=True)
                self.late |= {ticket.call} if new else set()
    def metered(self, leaf, terms):
        """Whose call each ticket is, and which calls bear none."""
        self.sent |= {leaf.call} if leaf.k == "opened" else set()
        self.sent -= {leaf.call} if leaf.k == "settled" and (leaf.m or not self.seals) else set()
        self.never |= {leaf.call} if self.seals and (leaf.k == "refused" or leaf.o in UNSENT) else set()
        if leaf.m:
            self.late.discard(leaf.call)
            ticket, _ = self.take(leaf.m)
            need(ticket.call == leaf.call and leaf.o not in UNSENT, "a ticket is another call's, or of one never sent")
            fed, made = leaf.tok or (ticket.fed, ticket.made)
            need((ticket.fed is None or fed >= ticket.fed) and (ticket.made is None or made == ticket.made),
                 "a record has other tokens than its ticket")
        elif leaf.o in ("completed", "stopped", "withheld") and terms and terms.sealed:
            self.bearless.add(leaf.call)
    # calls
    def record(self, index, data):
        leaf, values, tokens = self.read(index, data), {}, (0, 0)
        if self.line.i == index:
            values = disclosed(leaf, self.line.d)
            self.next_line()
        need(self.shows is None or set(values) <= self.shows, "more is disclosed than the profile says")
        terms, decision, tokens = self.seen.get(leaf.terms), values.get("decision"), leaf.tok or tokens
        need(not decision or decision.terms == leaf.terms, "a decision names other terms than its record")
        self.metered(leaf, terms)
        self.count(index, leaf)
        self.made.update(list(leaf.c))
        self.shown.update(list(values))
        self.counts.update({leaf.k: 1, "tokens_in": tokens[0], "tokens_out": tokens[1]})
        for lift in (self.lifts[id_] for id_ in leaf.w):
            self.spent[lift.id] += 1
            need(lift.from_ms <= leaf.t < lift.until_ms and lift.terms == leaf.terms
                 and self.spent[lift.id] <= lift.max_uses, f"record {index} uses what was not granted, or is used up")
            kept = self.start or self.held.get(lift.id) == ("withheld" if lift.reply else "held")
            need(lift.kind == "waiver" or (leaf.k == "opened" and kept), "a call was released that was never held")
        if leaf.k == "control":
            self.controls.append(index)
            self.control(index, leaf)
        elif leaf.k == "refused":
            need(leaf.o == "denied" and leaf.tok is None and not leaf.terms, "a refused call ended otherwise")
        else:
            (self.opened if leaf.k == "opened" else self.settled)(index, leaf, values, terms, decision)
    def opened(self, index, leaf, values, terms, decision):
        live = terms and terms is self.terms.get(terms.id) and terms.start <= leaf.t < terms.until
        need(live, f"record {index} names terms that were not in force there")
        learned = values.get("request", {}).get("recognizers", {}).get("learned", {}).values()
        need(not terms.reader or (("request" not in values or terms.reader in [one.weights for one in learned])
             and ("content" not in values or values["content"].detector == "learned")),
             f"record {index} was read by other weights than the terms name")
        model, purpose = values.get("what", {}).get("model"), values.get("why", {}).get("purpose")
        for gone in {alias for alias, left in self.left.items() if left == leaf.terms} & terms.models:
            need(model != gone and terms.models != {gone}, f"record {index} is a call under terms that {gone} had left")
        if not self.fetches(leaf.w):  # time is the latest on record, five seconds less: clocks are read before
            lease, used, grant = self.leases.get(leaf.terms), self.used[leaf.terms], terms.grant
            now = phase(lease, grant, self.latest - 5000, used)
            other = now == "continuity" and purpose and grant.purposes and purpose not in grant.purposes
            self.beyond |= {index: leaf} if now == "lapsed" or other else {}
            need(not decision or decision.rule != "lapsed" or self.start or terms.sealed
                 or phase(lease, None, self.latest + 5000, used) != "running", f"record {index} had a lease")
            self.used[leaf.terms] += 1
        if decision:
            uses = {id_ for _, id_ in decision.waived} if decision.verdict == "allow" else set()
            more = set(leaf.w) - uses
            released = not more or (len(more) == 1 and decision.verdict == "allow" and self.fetches(more))
            need(uses <= set(leaf.w) and released, f"record {index} spends other than its decision says")
        facts = {k: v for group in FACTS for k, v in values[group].items()} if set(FACTS) <= set(values) else None
        need(not facts or abs(facts["epoch"] * 1000 - leaf.t) <= 3600000, f"record {index}: clocks are an hour apart")
        self.follows(index, decision, facts, terms, self.lifts)
        self.calls[index], self.opened_at = (leaf, decision, facts), max(self.opened_at, leaf.t)
    def settled(self, index, leaf, values, terms, last):
        place, quiet = leaf.at if leaf.at >= 0 else index - 1, leaf.o in UNSENT
        first, asked, facts = self.calls.pop(place, (None, None, None))
        need(0 <= place < index and (first or place < self.start), f"record {index} settles no open call")
        need(not first or (first.call, first.terms) == (leaf.call, leaf.terms), f"record {index} settles another call")
        need(not quiet or leaf.tok is None, f"record {index}: tokens were counted for a call that never was")
        if quiet:
            self.beyond.pop(place, None)
            self.used[leaf.terms] -= 1
        self.endings[leaf.o] += 1
        duties, verdict = ({duty.name for duty in last.duties}, last.verdict) if last else (set(), "")
        self.held |= {leaf.call: leaf.o} if leaf.o in ("held", "withheld") else {}
        self.owed |= {leaf.call: index} if "notify.vendor" in duties and verdict != "deny" else {}
        lifted = {id_ for _, id_ in last.waived} if verdict == "allow" else set()
        need(not last or set(leaf.w) <= lifted, f"record {index} spends what lifts nothing")
        if last and facts and "reply" in values:
            lifts = {id_: self.granted[id_] for id_ in (*first.w, *leaf.w) if id_ in self.granted}
            self.follows(index, last, facts | values["reply"], terms, lifts)
        if asked:
            ends = {"deny": ("denied", "unknown"), "hold": ("held", "unknown")}.get(asked.verdict, ENDINGS - UNSENT)
            need(leaf.o in ends, f"record {index}: the call ended otherwise than it was decided")
            review, released = "review.human" in duties, any(self.granted[id_].reply for id_ in first.w)
            good = {"completed": verdict == "allow" and (not review or released),
                    "withheld": verdict == "hold" or (verdict == "allow" and review)}
            need(not last or good.get(leaf.o, True), f"record {index}: the reply ended otherwise than it was decided")
    def follows(self, index, decision, facts, terms, lifts):
        """The decision must be the one that the signed terms give for these facts."""
        if decision and facts and terms:
            scores, named = facts["pm"], {id_ for _, id_ in decision.waived}
            need(facts["hazardsIn"] == terms.over(scores) and facts["hazardsOut"] == terms.over(facts["pmOut"])
                 and facts["hazardPermille"] == max(scores.values(), default=0), f"record {index}: hazards differ")
            need(facts["purpose"] in terms.purposes and facts["model"] in terms.models and named <= set(lifts),
                 f"record {index} names a purpose, a model or an exception that was not there")
            wanted = terms.decide(facts, [lifts[id_] for id_ in named], decision.rule == "lapsed")
            wanted["engine"], made = decision.engine, wanted["duties"]
            if decision.rule == "duty" and wanted["verdict"] != "deny" and decision.duties:
                wanted |= {"verdict": "deny", "rule": "duty", "duties": [of for of in made if of in decision.duties]}
            need(decision == wanted, f"record {index}: the decision does not follow from the facts")

# --- the whole -------------------------------------------------------------------------------------------------------

def opened(raw, trust):
    """The bundle's files, its manifest once the log's key signed it, and that manifest's digest."""
    files = Zip(raw)
    data, note = files.read("manifest.json"), files.read("manifest.note", 64000)
    m = read_json(data[:-1], "the manifest")
    start, to, size, controls, keys = m["from"], m.to, m.size, m.controls, [k for k in trust.logs if k.name == m.origin]
    need(data.endswith(b"\n") and m.format == "caveat-bundle/v1", "the manifest is of another format")
    need(fits([start, to, size, *controls], [int]) and 0 <= start <= to <= size < 2**53
         and controls == sorted(set(controls)) and all(0 <= i < size for i in controls)
         and (m.number is None) == (m.receiver == "") and (m.number or 1) >= 1, "the manifest has impossible numbers")
    statement = f"caveat-bundle/v1\n{m.origin}\n{digest(data)}\n"
    need(open_note(note, keys)[0][0] == statement, "the signed note is about another manifest")
    return files, m, keys, digest(data)

def check(raw, trust, last=b"", after=None, tickets=()):
    """The manifest.  Raises one of REFUSED for what does not hold."""
    before = opened(after, trust) if after else None
    files, m, keys, _ = opened(raw, trust)
    start, to, size, previous = m["from"], m.to, m.size, m.previous
    for name, of in (("checkpoint", m.checkpoint), ("policy", m.policy), ("disclosures.jsonl", m.disclosures),
                     ("checkpoint.prev", previous.checkpoint if previous else "")):
        need(not of or digest(files.read(name, 1 << 32)) == of, f"{name} is not the file named")
    # the checkpoint, and what it goes on from
    note, by = open_note(files.read("checkpoint", 64000), [*keys, *trust.witnesses.values()])
    origin, of, root = tree_head(note[0])
    need({key.text for key in keys} <= {key.text for key in by} and trust.met(trust.quorum, by), "it is unsigned")
    need((origin, of) == (m.origin, size), "the checkpoint is of another log or size")
    mirror, known = Mirror(files, size, root), last or (before[0].read("checkpoint", 64000) if before else b"")
    for ticket in tickets:
        form = r"caveat-ticket/v1\n(.*)\n([0-9]+)\n(.*)\n.*\n"
        said, _ = open_note(ticket if b"\n\n" in ticket else unb64(ticket.decode().strip()), keys, form)
        n, at = divmod(int(said[2]), 256)
        there = int(said[2]) < size and mirror.path(0, 0, n) in files.places
        need(said[1] == m.origin and (not there or mirror.tile(0, n)[at] == unb64(said[3])),
             f"the log promised another record {said[2]} than it has")
    for checkpoint in filter(None, (files.read("checkpoint.prev", 64000) if previous else b"", known)):
        origin, of, root = tree_head(open_note(checkpoint, keys)[0][0])
        need(origin == m.origin and of <= size and mirror.root_at(of) == root, "it is no later state of this log")
    # every record, in order
    walk = Walk(files, m, keys)
    def aside(indices):
        for index in indices:
            data = files.read(f"entry/{index}", 65535)
            need(sha(b"\0", data) == mirror.tile(0, index // 256)[index % 256], f"record {index} is not the tree's")
            leaf = walk.read(index, data)
            need(leaf.k == "control", f"record {index} is no control record")
            walk.control(index, leaf)
    aside(index for index in m.controls if index < start)
    for n in range(start // 256, -(-to // 256)) if start < to else ():
        for index, data in enumerate(mirror.entries(n), 256 * n):
            if start <= index < to:
                walk.record(index, data)
    aside(index for index in m.controls if index >= to)
    # what it adds up to
    need(walk.line.i < 0 and not files.unread, f"nothing asks for a disclosure, or for {min(files.unread, default='')}")
    need(walk.controls == [i for i in m.controls if start <= i < to] and walk.hidden == set(m.withheld), "acts differ")
    need(not walk.late & walk.never and (start or walk.late <= walk.sent), "a seal counted a call that was not sent")
    need(not walk.bearless - walk.late, "an answered call bears no ticket, and the terms demand a seal")
    need(not walk.owed, "no note tells the vendor of a call that wants it")
    need(not walk.beyond, f"record {min(walk.beyond, default=0)} went to the model beyond its lease")
    need(not any(walk.opened_at - leaf.t > 3600000 for leaf, _, _ in walk.calls.values()), "a call has no outcome yet")
    spans = [span for span in walk.spans if span.adopted < to and (span.ended < 0 or span.ended > start)]
    need(sorted(spans, key=lambda s: (s.adopted, s.id)) == m.terms, "the terms in force are not those named")
    need(all(trust.parties.values()), "the trust file names no key of a party")
    for span in spans:
        Terms(walk.seen[span.digest].raw, trust.parties, {})
    for person in walk.approvers:
        need(Signed(person.doc, "approver").by(trust.parties[person.side]), "an approver's party has not signed")
    sums = {name: walk.counts[name] for name in ("opened", "settled", "refused", "control", "tokens_in", "tokens_out")}
    seen = {name: (walk.made[name], walk.shown[name], True) for name in walk.made}
    need(m.counts == sums | {"endings": dict(walk.endings)} and seen == {
        name: (of.made, of.disclosed, of.made == of.disclosed + of.withheld + of.destroyed)
        for name, of in m.opened.items()}, "the sums are not those named")
    sent = walk.exports.get(m.receiver, {"number": 0})
    need(m.number is None or sent["number"] == m.number - 1, "the log has another number on record as its last")
    if before and m.number is not None:
        (_, old, _, manifest), named = before, previous.manifest if previous else ""
        need((m.origin, m.receiver, m.number) == (old.origin, old.receiver, (old.number or 0) + 1)
             and named == manifest == sent.get("manifest", manifest), "it does not follow the bundle before")
    return m

def main():
    parser = argparse.ArgumentParser(description="Check a Caveat bundle with nothing of Caveat's own code.")
    parser.add_argument("bundle")
    parser.add_argument("trust")
    parser.add_argument("--last", help="the newest checkpoint of this log that you held before")
    parser.add_argument("--after", help="the bundle before it in your sequence")
    parser.add_argument("--ticket", action="append", default=[], help="a ticket that a caller was given")
    options = parser.parse_args()
    def read(name):
        return open(name, "rb").read() if name else b""
    try:
        m = check(read(options.bundle), Trust(read(options.trust)), read(options.last), read(options.after),
                  tuple(map(read, options.ticket)))
    except REFUSED as error:
        print(f"not verified: {error if isinstance(error, No) else 'something is malformed: ' + repr(error)}")
        return 1
    print(f"verified: records {m['from']} to {m.to - 1} of {m.origin}, profile {m.profile}")
    print("\n".join(f"not judged here: {what}" for what in NOT_JUDGED))
    return 0

if __name__ == "__main__":
    sys.exit(main())
