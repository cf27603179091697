"""Persons, parties and terms for tests of exceptions."""

from typing import Any

from tests.making import ANYTHING, clause, draft

from caveat.canon import digest
from caveat.dsse import key_id
from caveat.keys import SigningKey
from caveat.terms.document import Draft, Terms
from caveat.terms.sign import payload_of
from caveat.waivers.approvers import Approver, Side, name_approver
from caveat.waivers.hold import Ask
from caveat.waivers.signed import Request, make_request

VENDOR = SigningKey("labs.test/terms", b"\x01" * 32)
OPERATOR = SigningKey("ministry.test/terms", b"\x02" * 32)
TRUST = {"vendor": (VENDOR.verify_key,), "operator": (OPERATOR.verify_key,)}
PARTIES = {"vendor": VENDOR, "operator": OPERATOR}

NOW = 1_790_000_000_000
DAY = 86_400_000


def key(person: str, number: int = 0) -> SigningKey:
    """A key of a person's own."""
    return SigningKey(person, f"{person}{number}".encode().ljust(32, b"."))


def approver(person: str, side: Side = "operator", number: int = 0) -> Approver:
    """A person who may approve."""
    return Approver(1, person, person.title(), key(person, number).verify_key.text, side)


def named(one: Approver) -> bytes:
    """The document by which their party names them."""
    return name_approver(one, PARTIES[one.side])


ANNA, BEN, CARL, VERA = approver("anna"), approver("ben"), approver("carl"), approver("vera", "vendor")
APPROVERS = (ANNA, BEN, CARL, VERA)

CLAUSES = (
    ANYTHING,
    clause("no.secrets", "forbid", "context.secretsIn", waivable=True),
    clause("never", "forbid", "context.unlistedTools >= 1"),
    clause("good.faith", "forbid"),
    clause("wait", "hold", "context.streaming"),
    clause("wait.long", "hold", "context.structured", approvers=2),
)


def agreed(**head: Any) -> Terms:
    """Terms in force, as if both had signed them."""
    made: Draft = draft(*CLAUSES, **head)
    return Terms(made, digest(payload_of(made)), ())


TERMS = agreed()


def request(**changes: Any) -> Request:
    """What is asked for; Carl asks unless it is changed."""
    plain: dict[str, Any] = {
        "clauses": ("no.secrets",),
        "terms": TERMS.digest,
        "reason": "Audit 17 needs the originals.",
        "from_ms": NOW,
        "until_ms": NOW + 7 * DAY,
        "max_uses": 3,
        "requester": "carl",
        "nonce": "0" * 32,
    }
    return Request(1, **{**plain, **changes})


def asked(**changes: Any) -> bytes:
    """The same as a document that nobody has signed."""
    return make_request(request(**changes), TERMS.draft)


def ask(**changes: Any) -> Ask:
    """What a held call asks; Dora is its caller."""
    plain: dict[str, Any] = {
        "hold": "ab" * 16,
        "body": "sha256:" + "0" * 64,
        "clauses": ("wait",),
        "terms": TERMS.digest,
        "dialect": "openai_chat",
        "caller": "dora",
        "purpose": "drafting",
        "model": "small",
        "rank": 0,
        "from_ms": NOW,
        "until_ms": NOW + DAY,
    }
    return Ask(1, **{**plain, **changes})


def id_of(one: SigningKey) -> str:
    """How a signature names the key."""
    return key_id(one.verify_key)
