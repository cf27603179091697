"""Leaves say what anyone may count, and nothing that was said."""

import hmac
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat import record
from caveat.canon import b64url, canonical, unb64url
from caveat.decide.decision import Decision
from caveat.errors import NotVerified
from caveat.facts import Facts, grouped
from caveat.ledger.log import Entry
from caveat.record import (
    BodyDigest,
    Head,
    Opening,
    body_digest,
    commitment,
    disclosed,
    read_aside,
    read_disclosure,
    read_leaf,
    salts_hold,
)
from caveat.record.commit import derived
from caveat.terms.document import Duty
from caveat.wire.reply import Usage

FACTS = Facts(
    caller="clerk-7", operation="chat", model="small", caller_kind="human", clearance_rank=2, model_kind="weights",
    streaming=False, choices=1, chars_in=120, tokens_out_max=256, modalities=("text",), structured=False, fields=(),
    unknown_fields=0, unread_parts=0, purpose="drafting", output_use="internal", effect="informs-human",
    regulated_area="none", oversight="none", case_given=False, label_rank=1, label_source="floor", caveats=(),
    personal_data="none", secrets_in=False, hazards_in=("x_inj",), voiced_in=("user:x_inj",), hazard_permille=900,
    hidden_text=(), language_uncovered=False, detector="none", tools=(), unlisted_tools=0, side_effect="none",
    network="enclave", posture="normal", epoch=1_795_351_642, pm={"x_inj": 900},
)  # fmt: skip
PAIR = "sha256:" + "ab" * 32
DECISION = Decision(
    "allow", "permit", ("office.work",), ("notice", "office.work"), (), (("no.cyber", "w-1"),), (Duty("limit.tokens", 512),),
    (), PAIR, "cedarpy/4.12.2",
)  # fmt: skip
KEYS = st.binary(min_size=32, max_size=32)
HEAD = Head("0" * 31 + "1", "gw1", 1_795_351_642_000, bytes(range(32)))


def entries_of(body: bytes, answer: bytes, key: bytes) -> list[Entry]:
    """Each kind of record that a call can leave."""
    head = msgspec.structs.replace(HEAD, key=key)
    request = {"dialect": "openai_chat", "model": "weights:sha256:" + "0" * 64, **body_digest(body, key)}
    told = BodyDigest(key)
    told.update(answer)
    hidden = {"answer": {"chars_left": len(answer), **told.value()}, "reply": record.reply_facts(FACTS)}
    return [
        record.opened(head, FACTS, DECISION, request),
        record.refused(head, "clerk-7", request),
        record.settled(head, Opening(7, PAIR), "completed", Usage(3, 4), hidden),
        record.settled(head, Opening(-1, PAIR), "denied", None, {}),
    ]


def runs(text: str, length: int = 16) -> set[str]:
    return {text[i : i + length] for i in range(len(text) - length + 1)}


OWN = "".join(
    entry.leaf.decode() + "".join(unb64url(d).decode() for d in (read_aside(entry.aside).d if entry.aside else ()))
    for entry in entries_of(b"", b"", bytes(32))
)
"""The leaf's own words: what stands in records of an empty body."""


@given(st.text(min_size=16, max_size=400), st.text(min_size=16, max_size=400), KEYS)
def test_no_run_of_a_prompt_or_an_answer_is_in_a_record(prompt: str, answer: str, key: bytes) -> None:
    """Nor in what opens it: a committed value is facts, names and keyed digests."""
    said = {run for text in (prompt, answer) for run in runs(text) if run not in OWN}
    for entry in entries_of(prompt.encode("utf-8", "replace"), answer.encode("utf-8", "replace"), key):
        text = entry.leaf.decode()
        opened = [unb64url(d).decode() for d in (read_aside(entry.aside).d if entry.aside else ())]
        assert not said & runs(text)
        assert not said & {run for value in opened for run in runs(value)}


@given(KEYS, KEYS)
def test_equal_prompts_cannot_be_linked(one: bytes, other: bytes) -> None:
    """Records of the same call under different keys share no commitment and no digest of the body."""
    if one == other:
        return
    for a, b in zip(entries_of(b"draft", b"Dear", one), entries_of(b"draft", b"Dear", other), strict=True):
        assert not set(read_leaf(a.leaf).c.values()) & set(read_leaf(b.leaf).c.values())
    assert body_digest(b"draft", one)["hmac"] != body_digest(b"draft", other)["hmac"]


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(NAMES, NAMES, st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), KEYS)
def test_bytes_are_those_of_rfc_8785(caller: str, model: str, at_ms: int, chars: int, key: bytes) -> None:
    facts = msgspec.structs.replace(FACTS, caller=caller, model=model, chars_in=chars)
    head = Head("f" * 32, model, at_ms, key)
    for entry in (
        record.opened(head, facts, DECISION, {"len": chars}),
        record.settled(head, Opening(0, PAIR), "broken", Usage(chars, at_ms), {"upstream": {"name": caller}}),
        record.control(what="key.new", of=caller, doc=PAIR, gateway=model, at_ms=at_ms),
    ):
        assert entry.leaf == canonical(json.loads(entry.leaf))
        for disclosure in read_aside(entry.aside).d if entry.aside else ():
            raw = unb64url(disclosure)
            assert raw == canonical(json.loads(raw))


def test_a_record_opens_to_what_was_committed() -> None:
    entry = record.opened(HEAD, FACTS, DECISION, {"len": 3})
    leaf, aside = read_leaf(entry.leaf), read_aside(entry.aside)
    values = disclosed(leaf, aside.d)
    assert values["decision"] == msgspec.json.decode(msgspec.json.encode(DECISION))
    assert {name for name in values if name not in ("decision", "request")} == set(grouped(FACTS))
    assert salts_hold(leaf, aside)


def test_disclosures_are_those_of_rfc_9901() -> None:
    """The digest of the example in RFC 9901 section 4.2.3."""
    disclosure = b64url(b'["_26bc4LT-ac6q2KI6cBW5es", "family_name", "M\xc3\xb6bius"]')
    assert commitment(disclosure) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


def test_an_outcome_written_with_its_opening_names_no_place() -> None:
    leaf = read_leaf(record.settled(HEAD, Opening(-1, PAIR), "denied", None, {}).leaf)
    assert (leaf.at, leaf.tok, leaf.c) == (-1, None, {})


def test_a_commitment_called_body_is_refused() -> None:
    """Its salt would be half of the key of the body's digest."""
    with pytest.raises(ValueError):
        record.settled(HEAD, Opening(1, PAIR), "completed", None, {"body": {}})


def test_an_unknown_ending_is_refused() -> None:
    with pytest.raises(ValueError):
        record.settled(HEAD, Opening(1, PAIR), "lost", None, {})


def test_a_body_in_pieces_has_the_digest_of_the_whole() -> None:
    pieces = BodyDigest(HEAD.key)
    for piece in (b"dr", b"", b"aft"):
        pieces.update(piece)
    assert pieces.value() == body_digest(b"draft", HEAD.key)


GOOD = record.control(what="key.new", of="a", doc="", gateway="gw1", at_ms=5).leaf

NO_LEAVES = {
    "not JSON": b"leaf",
    "not UTF-8": b'{"g":"\xff"}',
    "an unknown field": GOOD.replace(b'"id"', b'"hid":"x","id"'),
    "a repeated field": GOOD.replace(b'"id":"a"', b'"id":"b","id":"a"'),
    "spaces": GOOD.replace(b",", b", "),
    "another order": b'{"v":1,"k":"control","g":"gw1","t":5}',
    "another escape": GOOD.replace(b'"id":"a"', b'"id":"\\u0061"'),
    "another version": GOOD.replace(b'"v":1', b'"v":2'),
    "an unknown kind": GOOD.replace(b'"k":"control"', b'"k":"controls"'),
    "an unknown ending": GOOD.replace(b'"k":"control"', b'"k":"control","o":"lost"'),
    "a float": GOOD.replace(b'"t":5', b'"t":5.0'),
    "fewer than no tokens": b'{"at":1,"call":"00","g":"g","k":"settled","o":"broken","t":1,"terms":"","tok":[-1,2],"v":1}',
    "depth": b'{"c":' + b'{"a":' * 100_000,
    "trailing bytes": GOOD + b"\n",
}


@pytest.mark.parametrize("data", NO_LEAVES.values(), ids=NO_LEAVES.keys())
def test_bytes_that_this_version_did_not_write_are_no_leaf(data: bytes) -> None:
    assert read_leaf(GOOD).what == "key.new"
    with pytest.raises(NotVerified):
        read_leaf(data)


def made(raw: bytes) -> str:
    return b64url(raw)


NO_DISCLOSURES = {
    "not base64": "a+b",
    "padded": "WyJhIl0=",
    "not JSON": made(b"salt"),
    "not a triple": made(b'["s","n"]'),
    "a salt that is no string": made(b'[1,"n",2]'),
    "a name that is no string": made(b'["s",1,2]'),
    "a repeated key": made(b'["s","n",{"a":1,"a":2}]'),
    "spaces": made(b'["s", "n",1]'),
    "depth": made(b"[" * 100_000),
    "not ASCII": "é",
}


@pytest.mark.parametrize("disclosure", NO_DISCLOSURES.values(), ids=NO_DISCLOSURES.keys())
def test_a_disclosure_with_no_one_reading_is_refused(disclosure: str) -> None:
    with pytest.raises(NotVerified):
        read_disclosure(disclosure)


def test_what_opens_a_record_fits_that_record_only() -> None:
    one = record.opened(HEAD, FACTS, DECISION, {"len": 3})
    other = record.opened(msgspec.structs.replace(HEAD, key=bytes(32)), FACTS, DECISION, {"len": 3})
    with pytest.raises(NotVerified):
        disclosed(read_leaf(one.leaf), read_aside(other.aside).d)
    twice = read_aside(one.aside).d[:1] * 2
    with pytest.raises(NotVerified):
        disclosed(read_leaf(one.leaf), twice)


def tampered(entry: Entry, **changes: object) -> record.Aside:
    return msgspec.structs.replace(read_aside(entry.aside), **changes)


ENTRY = record.opened(HEAD, FACTS, DECISION, {"len": 3})
ODD_ASIDES = {
    "another key": tampered(ENTRY, key="00" * 32),
    "no key": tampered(ENTRY, key="zz"),
    "a key written otherwise": tampered(ENTRY, key=HEAD.key.hex().upper()),
    "a short key": tampered(ENTRY, key="00"),
    "a commitment that nothing opens": tampered(ENTRY, d=read_aside(ENTRY.aside).d[1:]),
    "a disclosure too many": tampered(ENTRY, d=(*read_aside(ENTRY.aside).d, made(b'["s","n",1]'))),
    "no disclosure": tampered(ENTRY, d=("!",)),
}


@pytest.mark.parametrize("aside", ODD_ASIDES.values(), ids=ODD_ASIDES.keys())
def test_salts_that_do_not_derive_from_the_key_show(aside: record.Aside) -> None:
    """Salts and unopened commitments are the only random bytes in a record: a place for a message."""
    assert not salts_hold(read_leaf(ENTRY.leaf), aside)


def test_a_chosen_salt_shows() -> None:
    """A record whose commitment fits, but whose salt was chosen."""
    chosen = made(b'["bWVzc2FnZSBtZXNzYWdl","who",{"caller":"clerk-7"}]')
    leaf = record.Leaf(1, "refused", "gw1", 5, o="denied", c={"who": commitment(chosen)})
    assert disclosed(leaf, (chosen,)) == {"who": {"caller": "clerk-7"}}
    assert not salts_hold(leaf, record.Aside(HEAD.key.hex(), (chosen,)))


def test_a_salt_that_begins_as_it_must_and_goes_on_shows() -> None:
    """A message behind the 22 letters that derive from the key, whatever was read before."""
    salt = b64url(derived(HEAD.key, "who")[:16]).encode()
    honest = made(b'["' + salt + b'","who",{"caller":"clerk-7"}]')
    longer = made(b'["' + salt + b'bWVzc2FnZQ","who",{"caller":"clerk-7"}]')
    for first, holds in ((honest, True), (longer, False), (honest, True), (longer, False)):
        leaf = record.Leaf(1, "refused", "gw1", 5, o="denied", c={"who": commitment(first)})
        assert disclosed(leaf, (first,)) == {"who": {"caller": "clerk-7"}}
        assert salts_hold(leaf, record.Aside(HEAD.key.hex(), (first,))) == holds
        assert read_disclosure(first)[0] == (salt if holds else salt + b"bWVzc2FnZQ").decode()


SALTS = ["x" * 22, "-_" * 11, "x" * 21, "x" * 23, "", "é" * 11, 'x"' + "y" * 20, "x\\" + "y" * 20, "x" * 2000]


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("value", [{"a": [1, None, "é"]}, "x" * 3000, 7])
def test_what_is_read_does_not_depend_on_what_was_read_before(salt: str, value: object) -> None:
    disclosure = made(msgspec.json.encode([salt, "name", value]))
    for _ in range(2):
        assert read_disclosure(disclosure) == (salt, "name", value)
        leaf = record.Leaf(1, "refused", "gw1", 5, o="denied", c={"name": commitment(disclosure)})
        assert disclosed(leaf, (disclosure,)) == {"name": value}


@pytest.mark.parametrize("data", [b"", b"{", b'{"key":"","d":[],"x":1}', b'{"key":"","d":["\xff"]}'])
def test_what_is_no_aside_is_refused(data: bytes) -> None:
    with pytest.raises(NotVerified):
        read_aside(data)


def test_what_an_allowed_call_spends_stands_in_the_clear_and_a_denied_one_spends_nothing():
    lifted = {"waived": (("b", "w-2"), ("a", "w-1"), ("c", "w-2"))}
    allowed = msgspec.structs.replace(DECISION, verdict="allow", rule="waiver", **lifted)
    assert record.spent(allowed) == ("w-1", "w-2")
    assert record.spent(msgspec.structs.replace(allowed, verdict="deny", rule="forbid")) == ()
    assert record.spent(msgspec.structs.replace(allowed, verdict="hold", rule="hold")) == ()


@given(KEYS, st.text(max_size=200))
def test_a_salt_derives_by_hmac(key: bytes, name: str) -> None:
    """RFC 2104 over SHA-256, as the standard library has it."""
    name = name.encode("utf-8", "replace").decode()
    assert derived(key, name) == hmac.digest(key, name.encode(), "sha256")
