"""A key ceremony that a person can do: root keys and terms keys made, the first root signed, a page to print and sign."""

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import jinja2
import typer
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct
from securesystemslib.signer import CryptoSigner, HSMSigner, Key, Signer, SSlibKey

from caveat.dsse import key_id
from caveat.errors import BadInput, Unavailable
from caveat.gateway.home.files import disk_trouble, sync_folder, write_once
from caveat.gateway.parties.directory import Folder, PartyDir, read_key
from caveat.keys import SigningKey, new_signing_key
from caveat.talks.publishing import DAY_MS, LIST_DAYS, Charter, KeySigner, charter_of, make_listing, make_root
from caveat.terms.listing import Repository
from caveat.terms.repository import look, spoken

PEM: Final = b"-----BEGIN"
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Key ceremony of {{ made.party }}</title><style>
body{font:15px/1.5 system-ui,sans-serif;color:#111;max-width:42rem;margin:1.5rem auto;padding:0 1rem}
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;border-bottom:1px solid #999;
padding:.35rem .6rem .35rem 0;vertical-align:top}code{font-size:.85em;overflow-wrap:anywhere}
.big{font:bold 1.5rem/1.6 ui-monospace,monospace;border:2px solid #111;padding:.6rem 1rem;word-spacing:.4em}
.line td{height:2.6rem}@media print{body{margin:0}}@page{size:A4;margin:16mm}
</style></head><body>
<h1>Key ceremony of {{ made.party }}, the {{ made.role }}</h1>
<p>{{ when }} (UTC). Root {{ made.version }} was made and signed. Whoever reads this page can compare the fingerprint below
with the one that <code>caveat party show</code> prints, and read it to the other party over a telephone.</p>
<p class="big">{{ fingerprint }}</p>
<table><tr><th>keys</th><th>how many of them it takes</th><th>for what</th></tr>
<tr><td>{% for key in made.root_keys %}<code>{{ key }}</code><br>{% endfor %}</td>
<td>{{ made.root_threshold }} of {{ made.root_keys|length }}</td>
<td>say which keys count; used at ceremonies only, kept in safes</td></tr>
<tr><td>{% for key in made.keys %}<code>{{ key.text }}</code><br>{% endfor %}</td>
<td>{{ made.threshold }} of {{ made.keys|length }}</td>
<td>sign terms, steps in talks and lists</td></tr></table>
<p>{{ where }}</p>
<h2>Who was there</h2>
<table><tr><th>name</th><th>holds which root key, and where it is kept</th><th>signature</th></tr>
{% for _ in range(rows) %}<tr class="line"><td></td><td></td><td></td></tr>
{% endfor %}</table>
<p>Each of us has seen the fingerprint above on the machine that made the keys, and no key has left this room but as written
here. Date and place: ______________________________</p>
</body></html>
"""


class Plan(Struct, frozen=True):
    """What a ceremony is to make."""

    party: str
    role: str
    root_keys: int
    root_threshold: int
    terms_keys: int
    terms_threshold: int
    kind: str
    pkcs11: bool


def hold_ceremony(path: Path, plan: Plan, now_ms: int) -> Repository:
    """Make the directory, whole or not at all.  Raises BadInput where something lies there, Unavailable."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BadInput(f"`{path}` exists and is not empty", hint="name a new directory; nothing is written over")
    roots = [new_root_key(f"{plan.party}/root-{n}", plan.kind) for n in range(1, plan.root_keys + 1)]
    if plan.pkcs11:
        roots[0] = (token(f"{plan.party}/root-1"), b"")
    terms = [new_signing_key(f"{plan.party}/terms-{n}") for n in range(1, plan.terms_keys + 1)]
    signers = [signer for signer, _ in roots]
    charter = Charter(
        plan.party,
        plan.role,
        tuple(signer.public_key for signer in signers),
        plan.root_threshold,
        tuple(key.verify_key for key in terms),
        plan.terms_threshold,
    )
    root = make_root(charter, signers, now_ms)
    listing = make_listing((root,), {}, terms, now_ms + LIST_DAYS * DAY_MS)
    made = look(root, listing, now_ms)
    partial = path.with_name(f".{path.name}.partial")
    with disk_trouble(path):
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "keys").mkdir(mode=0o700, parents=True)
    for number, (_, secret) in enumerate(roots, start=1):
        if secret:
            write_once(partial / "keys" / f"root-{number}.key", secret, mode=0o600)
    for number, key in enumerate(terms, start=1):
        write_once(partial / "keys" / f"terms-{number}.key", key.text.encode() + b"\n", mode=0o600)
    Folder(partial / "repository").publish(listing)
    write_once(partial / "ceremony.html", page(made, plan, now_ms).encode(), mode=0o644)
    with disk_trouble(path):  # a crash before this leaves a `.partial` that the next try removes
        if path.exists():
            path.rmdir()
        partial.rename(path)
        sync_folder(path.resolve().parent)
    return made


def rotate_root(
    party: PartyDir,
    replaced: Sequence[str],
    thresholds: tuple[int | None, int | None],
    more: Sequence[Path],
    now_ms: int,
) -> Repository:
    """The next root, and the list signed anew under it.  Raises BadInput, NotVerified where too few keys are at hand."""
    before = party.folder.listing()
    charter = charter_of(before.roots[-1])
    files: dict[str, bytes] = {}
    signers = root_signers(party, more, charter.root_keys)
    at_hand = list(_ours(party, more))
    roots, terms = list(charter.root_keys), list(charter.terms_keys)
    for word in replaced:
        place = _place(word, len(roots), len(terms))
        if word.startswith("root"):
            old = roots[place]
            signer, secret = new_root_key(_next(old.keyid), "ml-dsa-65" if old.keytype == "ml-dsa" else "ed25519")
            signers.append(signer)
            roots[place] = signer.public_key
        else:
            key = new_signing_key(_next(key_id(terms[place])))
            at_hand.append(key)
            secret, terms[place] = key.text.encode() + b"\n", key.verify_key
        files[f"{word}.{len(before.roots) + 1}.key"] = secret
    after = Charter(
        charter.party,
        charter.role,
        tuple(roots),
        thresholds[0] or charter.root_threshold,
        tuple(terms),
        thresholds[1] or charter.terms_threshold,
    )
    root = make_root(after, signers, now_ms, before.roots[-1])
    until = now_ms + LIST_DAYS * DAY_MS
    ours = [key for key in at_hand if key.verify_key in terms]
    listing = make_listing((*before.roots, root), {}, ours, until, before)
    looked = look(before.roots[0], listing, now_ms)
    for name, secret in files.items():  # a crash after this leaves keys that no root names
        write_once(party.path / "keys" / name, secret, mode=0o600)
    party.folder.publish(listing)
    return looked


def _place(word: str, roots: int, terms: int) -> int:
    """Which key `root-1` or `terms-2` is.  Raises BadInput."""
    kind, _, number = word.partition("-")
    place = int(number) - 1 if number.isdecimal() else -1
    if not 0 <= place < {"root": roots, "terms": terms}.get(kind, 0):
        names = [f"`root-{n + 1}`" for n in range(roots)] + [f"`terms-{n + 1}`" for n in range(terms)]
        raise BadInput(f"there is no key `{word}`", hint=f"one of {', '.join(names)}")
    return place


def _next(keyid: str) -> str:
    """The name of a key in place of another: `labs.example/terms-1` becomes `labs.example/terms-1.2`, then `.3`."""
    name = keyid.rpartition("+")[0] or keyid
    base, dot, number = name.rpartition(".")
    return f"{base}.{int(number) + 1}" if dot and number.isdecimal() else f"{name}.2"


def new_root_key(name: str, kind: str) -> tuple[Signer, bytes]:
    """A fresh root key and the text of its file."""
    if kind == "ed25519":
        key = new_signing_key(name)
        return KeySigner(key), key.text.encode() + b"\n"
    made = CryptoSigner.generate_mldsa(keyid=name)
    return made, made.private_bytes


def token(name: str) -> Signer:
    """The key on the PKCS#11 token that is plugged in.  Raises Unavailable where this machine cannot use one."""
    if find_spec("pkcs11") is None or not os.environ.get("PYKCS11LIB"):
        raise Unavailable(
            "no PKCS#11 token can be used here",
            hint="install the extra `caveat[pkcs11]` and set PYKCS11LIB to the token's library; without --pkcs11 keys are "
            "made in software",
        )
    broken = import_module("pkcs11.exceptions").PKCS11Error
    pin = lambda _: os.environ.get("CAVEAT_PIN") or typer.prompt("the token's PIN", hide_input=True)  # noqa: E731
    try:
        uri, key = HSMSigner.import_(secrets_handler=pin)
    except (ValueError, broken) as error:
        raise Unavailable(
            f"the PKCS#11 token cannot be used: {str(error).lower() or type(error).__name__}",
            hint="plug in one token with an EC key (P-256 or P-384) under the id 2; set PYKCS11LIB to its library",
        ) from None
    return Signer.from_priv_key_uri(uri, SSlibKey(name, key.keytype, key.scheme, key.keyval), pin)


def root_signers(party: PartyDir, more: Sequence[Path], wanted: Sequence[Key]) -> list[Signer]:
    """The root keys at hand: in the directory, in other files, and on a token where one is set up."""
    files = [*sorted((party.path / "keys").glob("root-*.key")), *more]
    signers: list[Signer] = []
    for file in files:
        data = file.read_bytes()
        if data.startswith(PEM):
            made = load_pem_private_key(data, None)
            signers += [CryptoSigner(made, key) for key in wanted if isinstance(key, SSlibKey) and _same(made, key)]
        else:
            signers.append(KeySigner(read_key(file)))
    if os.environ.get("PYKCS11LIB") and find_spec("pkcs11"):
        signers += [token(key.keyid) for key in wanted if key.keytype == "ecdsa"]
    return signers


def _same(made: PrivateKeyTypes, key: Key) -> bool:
    return bool(CryptoSigner(made).public_key.keyval == key.keyval)


def _ours(party: PartyDir, more: Sequence[Path]) -> list[SigningKey]:
    files = [*sorted((party.path / "keys").glob("terms-*.key")), *more]
    return [read_key(file) for file in files if not file.read_bytes().startswith(PEM)]


def page(made: Repository, plan: Plan, now_ms: int) -> str:
    """The page to print and sign: HTML that needs nothing but itself."""
    where = (
        "The first root key is on a PKCS#11 token; the other keys were made in software."
        if plan.pkcs11
        else "All keys were made in software, and lie in files until they are moved to safes."
    )
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(PAGE)
    when = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    return template.render(
        made=made, when=when, fingerprint=spoken(made.root), where=where, rows=max(plan.root_keys, 2)
    )
