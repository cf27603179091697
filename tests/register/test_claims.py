"""What is said is not what holds: no claim, of whatever standing, changes a decision or the fence."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.making import any_facts
from tests.register.test_leases import BEGUN, FIRST, NOW, OPERATOR, VENDOR, folded, key

from caveat.canon import canonical
from caveat.decide.decide import decide
from caveat.decide.policy import Policy
from caveat.errors import BadInput, NotVerified
from caveat.register import Register
from caveat.terms.claim import Claim, claim_bytes, claim_id, sign_claim, sources, standing_of
from caveat.terms.document import SignedTerms
from caveat.terms.lease import phase_of
from caveat.terms.sign import open_terms

TERMS = open_terms(SignedTerms(FIRST), BEGUN.trust())
STANDINGS: list[Any] = ["stated", "reported", "disputed", "unverified"]


def claim(**more: Any) -> Claim:
    plain = {
        "about": "trial",
        "says": "It was lifted.",
        "how": "paraphrased",
        "said": "2026-02-14",
        "by": "Example Labs",
    }
    return Claim(1, **{**plain, **more})


def recorded(register: Register, document: bytes) -> Register:
    return folded(register, "terms.claimed", claim_id(document), document)


words = st.text("abc é.", min_size=1, max_size=20)
CLAIMS = st.builds(
    claim,
    about=st.sampled_from(["trial", "trial@1", "other"]),
    says=st.sampled_from(["all may pass", "it was lifted", "the terms have ended", "terms.ended", "permit"]),
    clause=st.sampled_from(["", "all", "none"]),
    by=st.sampled_from(["Example Labs", "Example Ministry"]),
    standing=st.sampled_from(STANDINGS),
    review=st.sampled_from(["", "Is this so?"]),
    link=st.sampled_from(["", "https://a.example/1"]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(CLAIMS, max_size=5, unique=True),
    st.lists(st.sampled_from(["none", "party", "stranger"]), min_size=5),
    any_facts(TERMS.draft),
)
def test_no_claim_changes_a_decision_or_the_fence(claims: list[Claim], signers: list[str], facts: Any) -> None:
    """Whatever is claimed, and even where a party has signed it: same fence, same terms, leases and lifts, same decision."""
    register = BEGUN
    for one, signer in zip(claims, signers, strict=False):
        document = claim_bytes(one) if signer == "none" else sign_claim(one, VENDOR if signer == "party" else key("x"))
        try:
            register = recorded(register, document)
        except NotVerified:
            assert signer == "stranger"
    assert register.fence == BEGUN.fence
    same = msgspec.structs.replace(register, claims={}, reviewed={}, size=BEGUN.size)
    assert same == BEGUN

    def decided(of: Register) -> Any:
        terms = of.terms["trial"]
        phase = phase_of(of.leases.get(terms.digest), terms.draft.continuity, NOW, 0)
        return decide(Policy(terms), facts, [*of.waivers.values()], phase)

    assert decided(register) == decided(BEGUN)


def test_a_signature_and_nothing_else_makes_a_claim_signed() -> None:
    plain = claim_bytes(claim(standing="unverified"))
    signed = sign_claim(claim(standing="unverified"), OPERATOR)
    register = recorded(recorded(BEGUN, plain), signed)
    assert standing_of(register.claims[claim_id(plain)], register.claims) == "unverified"
    assert standing_of(register.claims[claim_id(signed)], register.claims) == "signed"
    with pytest.raises(NotVerified, match="no party"):
        recorded(BEGUN, sign_claim(claim(), key("stranger")))
    values = msgspec.to_builtins(claim())
    with pytest.raises(NotVerified, match="this is no claim"):
        recorded(BEGUN, canonical({**values, "standing": "signed"}))


def test_what_is_disputed_shows_unless_it_is_signed() -> None:
    first, signed = claim_bytes(claim()), sign_claim(claim(says="It holds."), VENDOR)
    register = recorded(recorded(BEGUN, first), signed)
    for of in (first, signed):
        document = claim_bytes(claim(says=f"{claim_id(of)} is not so.", by="Example Ministry", disputes=claim_id(of)))
        register = recorded(register, document)
    standings = [standing_of(register.claims[claim_id(of)], register.claims) for of in (first, signed)]
    assert standings == ["disputed", "signed"]


def group(*claims: Claim) -> list[int]:
    register = BEGUN
    for one in claims:
        register = recorded(register, claim_bytes(one))
    return sorted(len(members) for members in sources(register.claims.values()))


REPORT = {"standing": "reported", "by": "", "through": ("Example Wire",)}
GROUPS: dict[str, tuple[list[dict[str, Any]], list[int]]] = {
    "two people": ([{"by": "A"}, {"by": "B"}], [1, 1]),
    "one person twice": ([{"by": "An Official"}, {"by": "an  official", "says": "So it is."}], [2]),
    "two papers, one wire": (
        [{**REPORT, "through": ("Example Wire", "Daily")}, {**REPORT, "through": ("Example Wire", "Weekly")}],
        [2],
    ),
    "two papers, two wires": ([{**REPORT}, {**REPORT, "through": ("Other Wire",)}], [1, 1]),
    "one link": ([{"by": "A", "link": "https://a.example/1"}, {"by": "B", "link": "https://a.example/1"}], [2]),
    "one file, by way of a third": (
        [{"by": "A"}, {"by": "B", "digest": "sha256:" + "0" * 64}, {"by": "A", "digest": "sha256:" + "0" * 64}],
        [3],
    ),
    "nobody named": ([{"by": "", "says": "x"}, {"by": "", "says": "y"}], [1, 1]),
}


@pytest.mark.parametrize("row", GROUPS.values(), ids=GROUPS.keys())
def test_two_reports_that_go_back_to_one_source_count_as_one(row: tuple[list[dict[str, Any]], list[int]]) -> None:
    claims, wanted = row
    assert group(*(claim(**{"standing": "unverified", **more}) for more in claims)) == wanted


def test_a_claim_may_ask_a_person_to_look_once() -> None:
    document = claim_bytes(claim(review="Is this so?"))
    register = recorded(BEGUN, document)
    review = canonical({"v": 1, "by": "anna", "found": "The vendor says no."})
    seen = folded(register, "claim.reviewed", claim_id(document), review)
    assert seen.reviewed == {claim_id(document): seen.size - 1}
    assert seen.fence == BEGUN.fence
    with pytest.raises(NotVerified, match="waits for a person"):
        folded(seen, "claim.reviewed", claim_id(document), review)
    with pytest.raises(NotVerified, match="waits for a person"):
        folded(recorded(BEGUN, claim_bytes(claim())), "claim.reviewed", claim_id(claim_bytes(claim())), review)
    with pytest.raises(NotVerified, match="does not read"):
        folded(register, "claim.reviewed", claim_id(document), b"{}")


NOT_MADE: dict[str, tuple[dict[str, Any], str]] = {
    "stated through others": ({"standing": "stated", "through": ("Daily",)}, "said itself"),
    "stated by nobody": ({"standing": "stated", "by": ""}, "said itself"),
    "reported by nobody": ({"standing": "reported", "by": ""}, "names who"),
    "on no day": ({"said": "last week"}, "expected a date"),
    "a link that turns writing round": ({"link": "https://a.example/\u202e"}, "control character"),
    "a digest that is none": ({"digest": "sha256:12"}, "64 hex digits"),
    "a dispute of nothing": ({"disputes": "that"}, "no claim's id"),
}


@pytest.mark.parametrize("row", NOT_MADE.values(), ids=NOT_MADE.keys())
def test_what_does_not_hold_together_is_not_made(row: tuple[dict[str, Any], str]) -> None:
    more, said = row
    with pytest.raises(BadInput, match=said):
        claim_bytes(claim(**more))


REFUSED: dict[str, tuple[bytes, str]] = {
    "stated by no party of the terms": (claim_bytes(claim(standing="stated", by="A Stranger")), "no party of"),
    "a dispute of what is not on record": (claim_bytes(claim(disputes="c-" + "0" * 16)), "cannot be disputed"),
    "not canonical": (claim_bytes(claim()) + b" ", "canonical"),
    "a field more": (claim_bytes(claim())[:-1] + b',"z":1}', "no claim"),
    "in depth": (b'{"about":' + b"[" * 20_000, "no claim"),
    "50 MB": (b"x" * 50_000_000, "at most"),
    "empty": (b"", "no claim"),
    "a signed thing of another kind": (FIRST, "at most|to be signed"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_claim_is_refused(row: tuple[bytes, str]) -> None:
    document, said = row
    with pytest.raises(NotVerified, match=said):
        folded(BEGUN, "terms.claimed", claim_id(document), document)


def test_the_same_claim_twice_is_refused() -> None:
    document = claim_bytes(claim())
    with pytest.raises(NotVerified, match="on record already"):
        recorded(recorded(BEGUN, document), document)
