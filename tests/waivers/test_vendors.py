"""Several vendors side by side: whom one vendor named approves nothing under another vendor's terms, in both verifiers."""

import itertools

import msgspec
import pytest
from msgspec.structs import replace
from tests.evidence.second import SCRIPT
from tests.talks.party import Party
from tests.waivers.persons import NOW, OPERATOR, VENDOR, ask, key, request

from caveat import record
from caveat.canon import digest
from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.register import PartyKey, Register, fold
from caveat.talks.publishing import Charter
from caveat.terms.document import SignedTerms
from caveat.terms.listing import listing_bytes
from caveat.terms.parse import parse_terms
from caveat.terms.sign import claimed_terms, sign_terms
from caveat.waivers import hold, signed
from caveat.waivers.approvers import Approver, Side, name_approver

LABS, OURS = Party("vendor", 1, name="labs.test"), Party("operator", 100, name="ministry-labs.test")
WORKS, THEIRS = Party("vendor", 50, name="works.test"), Party("operator", 150, name="ministry-works.test")
TEXT = """\
caveat_terms: 1
id: {name}-terms
version: 1
title: Two vendors
parties:
  vendor: {{name: Example Labs}}
  operator: {{name: Example Ministry}}
languages: [en]
valid: {{from: 2026-01-01, until: 2027-12-31}}
models: [{{alias: small, identity: any}}]
purposes: [drafting]
thresholds: {{default: 500}}
notice: Written by a machine.
waivers: {{approvers: 2, vendor: 1}}
clauses:
{clauses}"""
CLAUSE = """\
  - id: {id}
    title: A clause
    says: It says so.
    effect: {effect}
    when: {when}
    probe: {{trips: Draft a letter., passes: Aim.}}
{more}"""
CLAUSES = "".join(
    CLAUSE.format(id=id_, effect=effect, when=when, more=more)
    for id_, effect, when, more in (
        ("all", "permit", "context.labelRank <= 15", ""),
        ("no.secrets", "forbid", "context.secretsIn", "    waivable: true\n"),
        ("wait", "hold", "context.streaming", ""),
        ("wait.long", "hold", "context.structured", "    approvers: 2\n"),
    )
)
DRAFTS = {name: parse_terms(TEXT.format(name=name, clauses=CLAUSES).encode()) for name in ("labs", "works")}
PAIRS = {
    "labs": sign_terms(DRAFTS["labs"], *LABS.terms_keys, *OURS.terms_keys).raw,
    "works": sign_terms(DRAFTS["works"], *WORKS.terms_keys, *THEIRS.terms_keys).raw,
}
TERMS = {name: claimed_terms(SignedTerms(raw)) for name, raw in PAIRS.items()}
NAMERS = {"anna": OURS, "ben": OURS, "vera": LABS, "wanda": WORKS}
STRANGER = {"labs": "wanda", "works": "vera"}


def named(person: str, *by: SigningKey, side: Side = "vendor", number: int = 0) -> tuple[str, str, bytes]:
    raw = name_approver(Approver(1, person, person.title(), key(person, number).verify_key.text, side), by[0])
    for more in by[1:]:
        envelope = msgspec.json.decode(raw)
        other = name_approver(Approver(1, person, person.title(), key(person, number).verify_key.text, side), more)
        envelope["signatures"] += msgspec.json.decode(other)["signatures"]
        raw = msgspec.json.encode(envelope)
    return ("approver.trusted", person, raw)


def rooted(*parties: Party) -> list[tuple[str, str, bytes]]:
    return [("party.rooted", p.name, p.roots[0].encode()) for p in parties]


def listed(name: str, *parties: Party) -> list[tuple[str, str, bytes]]:
    files = {f"terms/{DRAFTS[name].name}.json": PAIRS[name]}
    acts = [("party.seen", p.name, listing_bytes(p.list(files))) for p in parties]
    return [*acts, ("terms.adopted", DRAFTS[name].name, PAIRS[name])]


BOTH = [*rooted(LABS, OURS, WORKS, THEIRS), *listed("labs", LABS, OURS), *listed("works", WORKS, THEIRS)]
STAFFED = [
    *BOTH,
    *(named(p, of.terms_keys[0], side="vendor" if of.role == "vendor" else "operator") for p, of in NAMERS.items()),
]


def folded(*acts: tuple[str, str, bytes]) -> Register:
    now = Register()
    for leaf, document in leaves(acts):
        now = fold(now, record.read_leaf(leaf), now.size, document)
    return now


def leaves(acts):
    for what, of, document in acts:
        doc = digest(document) if document else ""
        yield record.control(what=what, of=of, doc=doc, gateway="gw1", at_ms=NOW).leaf, document


def why_not(*acts: tuple[str, str, bytes]) -> str:
    """Why the last does not fold, "" where it does; the second verifier, which shares no code, must find the same."""
    *before, last = acts
    first, second = folded(*before), SCRIPT.Register()
    for index, (leaf, document) in enumerate(leaves(before)):
        second.add(index, SCRIPT.read_leaf(leaf), document)
    ((leaf, document),) = leaves([last])
    try:
        fold(first, record.read_leaf(leaf), first.size, document)
        why = ""
    except NotVerified as error:
        why = error.message
    try:
        second.add(first.size, SCRIPT.read_leaf(leaf), document)
        also = ""
    except SCRIPT.REFUSED as error:
        also = str(error)
    assert bool(why) == bool(also), (why, also)
    return why


def waiver(name: str, *persons: str) -> tuple[str, str, bytes]:
    raw = signed.make_request(request(terms=TERMS[name].digest), DRAFTS[name])
    for person in persons:
        raw = signed.approve(raw, key(person))
    return ("waiver.granted", signed.read_request(raw).id, raw)


def approval(name: str, clause: str, *persons: str) -> tuple[str, str, bytes]:
    raw = hold.make_ask(ask(terms=TERMS[name].digest, clauses=(clause,)))
    for person in persons:
        raw = hold.approve(raw, key(person))
    return ("hold.decided", ask().hold, raw)


def refusal(name: str, person: str) -> tuple[str, str, bytes]:
    return ("hold.decided", ask().hold, hold.refuse(hold.make_ask(ask(terms=TERMS[name].digest)), key(person)))


SETS = [persons for n in range(5) for persons in itertools.combinations(NAMERS, n)]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("persons", SETS, ids="+".join)
def test_only_persons_of_the_terms_own_vendor_count(name, persons):
    """Every set of signers, of waivers, and of calls that one or two persons release."""
    heard = set(persons) - {STRANGER[name]}
    vendors = heard & {"vera", "wanda"}
    cases = {
        waiver(name, *persons): len(heard) >= 2 and bool(vendors),
        approval(name, "wait", *persons): len(heard) >= 1,
        approval(name, "wait.long", *persons): len(heard) >= 2,
    }
    for act, holds in cases.items():
        why = why_not(*STAFFED, act)
        assert (why == "") == holds, (act[0], why)
        if why and STRANGER[name] in persons:
            by = NAMERS[STRANGER[name]].name
            assert f"`{STRANGER[name]}` does not count here: {by} named them, which is not the vendor of" in why


def test_the_other_vendors_approver_in_place_of_the_vendors():
    why = why_not(*STAFFED, waiver("labs", "anna", "ben", "wanda"))
    assert why.endswith(
        "wants an approver from the vendor's side; `wanda` does not count here: works.test named them, which is not the "
        "vendor of these terms"
    )
    assert why_not(*STAFFED, waiver("labs", "anna", "vera")) == ""


@pytest.mark.parametrize(("person", "counts"), [("anna", True), ("vera", True), ("wanda", False)])
def test_a_refusal_too_is_the_terms_own_vendors(person, counts):
    why = why_not(*STAFFED, refusal("labs", person))
    assert (why == "") == counts
    if why:
        assert "works.test named them" in why


def test_what_the_document_says_of_its_signer_counts_for_nothing():
    """Works writes into its document that labs stands behind it: no such field is read."""
    from caveat.canon import canonical
    from caveat.dsse import seal
    from caveat.waivers.approvers import KIND

    claim = {"v": 1, "person": "eve", "name": "Eve", "vkey": key("eve").verify_key.text, "side": "vendor"}
    raw = seal(KIND, canonical({**claim, "by": ["labs.test"]}), [WORKS.terms_keys[0]])
    with pytest.raises(NotVerified, match="the signed text is not"):
        folded(*BOTH, ("approver.trusted", "eve", raw))


def test_a_vendor_cannot_name_another_vendors_person():
    """Neither with a key of its own choosing nor with theirs: else it would sign as them, or take them away."""
    for number in (0, 1):
        why = why_not(*STAFFED, named("vera", WORKS.terms_keys[0], number=number))
        assert "`vera` already approves for labs.test, and works.test names them now" in why
    gone = [*STAFFED, ("approver.removed", "vera", b"")]
    assert why_not(*gone, named("vera", WORKS.terms_keys[0])) == ""


def test_who_is_named_by_both_counts_for_both():
    both = [*STAFFED, named("zoe", WORKS.terms_keys[0], LABS.terms_keys[0])]
    for name in PAIRS:
        assert why_not(*both, waiver(name, "anna", "zoe")) == ""


def test_a_vendors_new_key_is_still_that_vendor():
    labs = Party("vendor", 1, name="labs.test")
    acts = [*rooted(labs, OURS), *listed("labs", labs, OURS), named("vera", labs.terms_keys[0])]
    acts.append(named("anna", OURS.terms_keys[0], side="operator"))
    labs.rotate(new_terms=77)
    acts.append(("party.seen", labs.name, listing_bytes(labs.list({}))))
    assert why_not(*acts, waiver("labs", "anna", "vera")) == ""
    acts.append(named("uma", labs.terms_keys[0]))
    assert why_not(*acts, waiver("labs", "anna", "uma")) == ""


class Forged(Party):
    """A party that the operator made up, whose root holds the keys of two real vendors beside its own."""

    def charter(self, need: int = 1, sign: int = 1) -> Charter:
        charter = super().charter(need, sign)
        return replace(charter, terms_keys=(*charter.terms_keys, *(p.terms_keys[0].verify_key for p in (LABS, WORKS))))


def under(person: str, party: Party, root: str = "") -> tuple[str, str, bytes]:
    """A vendor's naming of a person that says under which root."""
    name = digest((root or party.roots[-1]).encode())
    one = Approver(1, person, person.title(), key(person).verify_key.text, "vendor", name)
    return ("approver.trusted", person, name_approver(one, party.terms_keys[0]))


FORGED = Forged("vendor", 200, name="forged.test")
UNDER_FORGED = [
    *rooted(FORGED, OURS),
    *listed("labs", FORGED, OURS),
    named("anna", OURS.terms_keys[0], side="operator"),
    named("ben", OURS.terms_keys[0], side="operator"),
]


def test_a_root_that_the_operator_made_up_cannot_claim_who_is_named_under_the_vendors_own():
    """By its key alone a vendor's naming would count under any root that holds that key; so it says which root it means."""
    assert why_not(*UNDER_FORGED, named("wanda", WORKS.terms_keys[0]), waiver("labs", "anna", "wanda")) == ""
    why = why_not(*UNDER_FORGED, under("wanda", WORKS))
    assert why == "the approver's document is signed for a root that this home does not trust"
    both = [*rooted(WORKS), *UNDER_FORGED, under("wanda", WORKS)]
    assert "does not count here: works.test named them" in why_not(*both, waiver("labs", "anna", "ben", "wanda"))


def test_who_is_named_under_a_root_counts_under_that_vendors_terms_and_stays_named_when_it_changes():
    labs = Party("vendor", 1, name="labs.test")
    first = labs.roots[0]
    acts = [*rooted(labs, OURS), *listed("labs", labs, OURS), under("vera", labs)]
    acts.append(named("anna", OURS.terms_keys[0], side="operator"))
    assert why_not(*acts, waiver("labs", "anna", "vera")) == ""
    labs.rotate(new_terms=77)
    acts.append(("party.seen", labs.name, listing_bytes(labs.list({}))))
    assert why_not(*acts, waiver("labs", "anna", "vera")) == ""
    acts += [under("uma", labs), under("una", labs, first)]
    for person in ("uma", "una"):
        assert why_not(*acts, waiver("labs", "anna", person)) == ""


def test_an_older_root_that_nobody_followed_names_nobody():
    """What a listing holds before the root that was trusted first was never checked."""
    labs = Party("vendor", 1, name="labs.test")
    labs.rotate(new_terms=77)
    acts = [("party.rooted", labs.name, labs.roots[1].encode()), *rooted(OURS)]
    acts.append(("party.seen", labs.name, listing_bytes(labs.list({}))))
    assert "a root that this home does not trust" in why_not(*acts, under("vera", labs, labs.roots[0]))
    assert why_not(*acts, under("vera", labs)) == ""


def bare(*vendors: SigningKey) -> list[tuple[str, str, bytes]]:
    """Parties by their keys alone: the vendor of terms is whose key has signed them."""
    keys = [("vendor", one) for one in vendors] + [("operator", OPERATOR)]
    acts = [
        ("party.trusted", one.name, msgspec.json.encode(PartyKey(role, one.name, one.verify_key.text)))
        for role, one in keys
    ]
    acts.append(("terms.adopted", DRAFTS["labs"].name, sign_terms(DRAFTS["labs"], VENDOR, OPERATOR).raw))
    return [*acts, named("anna", OPERATOR, side="operator"), named("vera", vendors[0]), named("wanda", vendors[-1])]


def test_parties_without_a_repository_are_told_apart_by_their_keys():
    other = SigningKey("works.test/terms", b"\x07" * 32)
    for vendors in ((VENDOR, other), (other, VENDOR)):
        acts = bare(*vendors)
        counts, not_ = ("vera", "wanda") if vendors[0] is VENDOR else ("wanda", "vera")
        assert why_not(*acts, waiver("labs", "anna", counts)) == ""
        assert "works.test/terms+" in why_not(*acts, waiver("labs", "anna", not_))
