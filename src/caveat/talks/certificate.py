"""A diff certificate: what a semantic diff found, with all that another party needs to find it again.

    {"caveat_certificate": 1, "before": {"terms": "office@1", "digest": "sha256:..", "yaml": ".."}, "after": {..},
     "assumes": ["..."], "solvers": {"Z3": "5.4.1.0", "cvc5": "1.4.2"}, "engine": "cedarpy/4.12.2", "smt2": "...",
     "answers": [{"question": {"name": "q.newly-allowed", "asks": "newly-allowed", "duty": null}, "says": "found",
                  "answers": {"Z3": "sat", "cvc5": "sat"}, "request": {..}, "before": {..}, "after": {..}}, ..]}

Rules of this file: nothing in a certificate is taken on trust: the texts are compiled again, the formulas are made again
and must be the same bytes, every question is put to the solvers again and every example to the engine; the digest is
that of the signed pair, so a certificate is about what was signed or is about to be.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from caveat.canon import digest
from caveat.decide.decision import Decision
from caveat.decide.policy import ENGINE, Policy
from caveat.errors import BadInput, CaveatError, NotVerified
from caveat.talks.analyse import Answered, Asked, ask, confirmed, verdict
from caveat.talks.draft import read_draft
from caveat.talks.imagined import settle
from caveat.talks.solvers import Z3, Answer, ask_cvc5, names
from caveat.talks.symbols import ASSUMED
from caveat.terms.document import Draft, Terms
from caveat.terms.sign import payload_of

MAX_BYTES: Final = 64 * 2**20
STEP: Final = "certificate"


class Version(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two documents: its name, the digest that a signed pair of it has, its text."""

    terms: str
    digest: str
    yaml: str


class Certificate(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole document."""

    caveat_certificate: Literal[1]
    before: Version
    after: Version
    assumes: tuple[str, ...]
    solvers: dict[str, str]
    engine: str
    smt2: str
    answers: tuple[Answered, ...]


class Checked(Struct, frozen=True):
    """What a check came to.

    solvers   those that answered again here, with their versions
    remarks   what is worth knowing and refutes nothing
    """

    certificate: Certificate
    solvers: dict[str, str]
    remarks: tuple[str, ...]


def certify(before: Draft, after: Draft, asked: Asked, answers: tuple[Answered, ...]) -> bytes:
    """The certificate of a semantic diff, as JSON."""
    certificate = Certificate(1, _version(before), _version(after), ASSUMED, names(), ENGINE, asked.text, answers)
    return msgspec.json.format(msgspec.json.encode(certificate, order="sorted"), indent=1) + b"\n"


def pair_digest(draft: Draft) -> str:
    """The digest that the pair of signatures over this document has, or will have."""
    return digest(payload_of(draft))


def check_certificate(raw: bytes) -> Checked:
    """Do it all again.  Raises NotVerified for the first thing that does not hold, BadInput without Z3."""
    certificate = read_certificate(raw)
    before, after = (_draft(version) for version in (certificate.before, certificate.after))
    asked = ask(before, after)
    if certificate.assumes != ASSUMED:
        raise _no("it assumes other things of a request than this version of Caveat does")
    if certificate.smt2 != asked.text:
        raise _no("its formulas are not what the two documents translate to", "ask for one made by the same version")
    if tuple(one.question for one in certificate.answers) != asked.questions:
        raise _no("it does not answer every question about the change, in order")
    _check_answers(certificate, asked)
    for one in certificate.answers:
        _check_example(one, before, after)
    return Checked(certificate, names(), _remarks(certificate))


def read_certificate(raw: bytes) -> Certificate:
    """The document, unchecked.  Raises BadInput."""
    if len(raw) > MAX_BYTES:
        raise BadInput(f"the certificate has {len(raw)} bytes, expected at most {MAX_BYTES}")
    try:
        return msgspec.json.decode(raw, type=Certificate)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"this is no diff certificate: {error}") from None


def _version(draft: Draft) -> Version:
    return Version(draft.name, pair_digest(draft), draft.yaml.decode())


def _draft(version: Version) -> Draft:
    try:
        draft = read_draft(version.yaml.encode())
    except (CaveatError, UnicodeEncodeError) as error:
        raise _no(f"its text of `{version.terms}` does not compile: {error}") from None
    if (draft.name, pair_digest(draft)) != (version.terms, version.digest):
        raise _no(f"its text of `{version.terms}` does not have the name and the digest that it gives")
    return draft


def _check_answers(certificate: Certificate, asked: Asked) -> None:
    """Put every question that it claims to answer to the solvers that are here."""
    solver = Z3(asked.text)
    second = ask_cvc5(asked.text, [question.name for question in asked.questions]) or {}
    for one in certificate.answers:
        name = one.question.name
        if one.says == "unknown":
            continue
        again: dict[str, Answer] = {"Z3": solver.ask(name), **({"cvc5": second[name]} if name in second else {})}
        if verdict(one.answers) != one.says or verdict(again) != one.says:
            said = ", ".join(f"{solver} says {answer}" for solver, answer in again.items())
            raise _no(f"it says `{one.says}` of `{one.question.asks}`, and here {said}")


def _check_example(one: Answered, before: Draft, after: Draft) -> None:
    """Have the engine decide the example again under both versions."""
    if one.says != "found":
        if one.request or one.before or one.after:
            raise _no(f"it has an example of `{one.question.asks}` without saying that it found one")
        return
    if one.request is None or one.before is None or one.after is None:
        raise _no(f"it says that it found `{one.question.asks}` and gives no example")
    try:
        decided = tuple(settle(Policy(Terms(draft, "", ())), one.request) for draft in (before, after))
    except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no(f"its example of `{one.question.asks}` is no request: {error}") from None
    if not confirmed(one.question, *decided):
        raise _no(f"its example of `{one.question.asks}` is none: the engine decides otherwise")
    if tuple(map(_bare, decided)) != (_bare(one.before), _bare(one.after)):
        raise _no(f"the decisions that it gives for its example of `{one.question.asks}` are not the engine's")


def _bare(decision: Decision) -> Decision:
    return msgspec.structs.replace(decision, engine="")


def _remarks(certificate: Certificate) -> tuple[str, ...]:
    open_ = [one.question.asks for one in certificate.answers if one.says == "unknown"]
    remarks = [f"it leaves `{asks}` unknown" for asks in dict.fromkeys(open_)]
    if certificate.engine != ENGINE:
        remarks.append(f"it was made with {certificate.engine}, and checked with {ENGINE}")
    if "cvc5" not in names():
        remarks.append("cvc5 is not installed here, so only Z3 was asked again")
    return tuple(remarks)


def _no(why: str, hint: str = "") -> NotVerified:
    return NotVerified(f"the certificate does not hold: {why}", step=STEP, hint=hint)
