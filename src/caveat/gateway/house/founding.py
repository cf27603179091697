"""Founding a house: its keys, the ledger's first records and, for trying out, sample parties that sign sample terms.

Rules of this file: every step looks whether it was done, so what an interrupted start left half made is made whole by the
next; a key's text goes to a file of mode 0600 and never to the ledger; sample parties are marked as such in the ledger.
"""

from collections.abc import Callable

from msgspec.json import encode

from caveat import __version__
from caveat.canon import canonical
from caveat.decide.policy import ENGINE
from caveat.facts import Caller
from caveat.gateway.home.directory import Home
from caveat.gateway.home.housekeys import OPERATOR_KEY
from caveat.gateway.house.callers import new_key_text, secret_digest
from caveat.gateway.house.house import House
from caveat.gateway.model.ownseal import seals_block
from caveat.keys import SigningKey, new_signing_key, read_signing_key, read_verify_key
from caveat.register import CallerKey, PartyKey
from caveat.talks.draft import read_draft
from caveat.terms.samples import sample_terms
from caveat.terms.sign import sign_terms

Progress = Callable[[str], None]

CALLER_KEY = "sample-caller.key"
SAMPLES = {"vendor": "example-labs.sample", "operator": "example-ministry.sample"}
"""Names of the sample parties' keys."""


def party_key(home: Home, name: str) -> SigningKey:
    """A party's signing key in the home, made where it is not there yet."""
    file = f"party-{name}"
    if not (home.keys / file).exists():
        home.write_key(file, new_signing_key(name).text.encode() + b"\n")
    return read_signing_key(home.read_key(file).decode("ascii").strip())


def key_text(home: Home, file: str) -> str:
    """The text of a caller's key kept in the home, made where it is not there yet."""
    if not (home.keys / file).exists():
        home.write_key(file, new_key_text().encode() + b"\n")
    return home.read_key(file).decode("ascii").strip()


async def found(house: House, home: Home) -> None:
    """The ledger's first record, and an operator's key for this home."""
    if house.log.size == 0:
        about = {"gateway": house.name, "version": __version__, "engine": ENGINE, "origin": house.log.origin}
        await house.amend("log.opened", house.name, canonical(about))
    operator = Caller(id="operator", name="operator of this home", kind="human", clearance_rank=15)
    await _add_key(house, operator, "operator", key_text(home, OPERATOR_KEY), sample=False)


async def found_sample(house: House, home: Home, progress: Progress = lambda _: None) -> None:
    """Sample parties, sample terms signed by both, and a sample caller's key."""
    for role, name in SAMPLES.items():
        await trust_party(house, role, party_key(home, name), sample=True)
    if not house.view.agreed and not house.view.register.ended:
        progress("signing the sample terms as both sample parties")
        draft = read_draft(sample_terms())
        if block := seals_block(home, house.settings, [model.alias for model in draft.models]):
            draft = read_draft(sample_terms() + block)
        signed = sign_terms(draft, *(party_key(home, name) for name in SAMPLES.values()))
        await house.adopt(signed.raw)
    person = Caller(id="sample-caller", name="Sample Caller", purpose="drafting", clearance_rank=4, language="en")
    await _add_key(house, person, "caller", key_text(home, CALLER_KEY), sample=True)


async def trust_party(house: House, role: str, key: SigningKey, *, sample: bool) -> None:
    """Let a party's signature on terms count."""
    await trust_party_text(house, role, key.verify_key.text, sample=sample)


async def trust_party_text(house: House, role: str, text: str, *, sample: bool = False) -> None:
    """The same for a verify key as text.  Raises BadInput for one that is none."""
    key = read_verify_key(text)
    if key.text not in {party.vkey for party in house.view.register.parties}:
        await house.amend("party.trusted", key.name, encode(PartyKey(role, key.name, key.text, sample)))


async def _add_key(house: House, caller: Caller, role: str, text: str, *, sample: bool) -> None:
    if caller.id not in house.view.register.keys:
        await house.add_key(encode(CallerKey(role, secret_digest(text), caller, sample)))
