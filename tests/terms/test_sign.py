"""Terms exist only once both parties have signed these very bytes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope
from tests.making import ANYTHING, clause, draft, sample

from caveat.canon import b64, canonical, digest
from caveat.dsse import key_id, pae
from caveat.errors import NotVerified
from caveat.keys import SigningKey, read_verify_key
from caveat.terms.document import SignedTerms
from caveat.terms.sign import (
    PAYLOAD_TYPE,
    add_signature,
    claimed_draft,
    claimed_keys,
    open_terms,
    payload_of,
    sign_terms,
)
from caveat.vocabulary import VERSION

VENDOR = SigningKey("labs.test/terms", b"\x01" * 32)
OPERATOR = SigningKey("ministry.test/terms", b"\x02" * 32)
SPARE = SigningKey("labs.test/spare", b"\x03" * 32)
STRANGER = SigningKey("labs.test/terms", b"\x04" * 32)
TRUST = {"vendor": (VENDOR.verify_key, SPARE.verify_key), "operator": (OPERATOR.verify_key,)}
DRAFT = draft(ANYTHING, clause("no", "forbid", "context.secretsIn"), caveats=("NOFORN", "ORCON"))


def changed(signed: SignedTerms, **keys) -> SignedTerms:
    return SignedTerms(json.dumps({**json.loads(signed.raw), **keys}).encode())


def resigned(**keys) -> SignedTerms:
    """A payload that was tampered with, and that both parties signed all the same."""
    payload = canonical({**json.loads(payload_of(DRAFT)), **keys})
    return with_payload(payload)


def with_payload(payload: bytes) -> SignedTerms:
    signatures = [
        {"keyid": key_id(k.verify_key), "sig": b64(k.sign(pae(PAYLOAD_TYPE, payload)))} for k in (VENDOR, OPERATOR)
    ]
    return SignedTerms(
        json.dumps({"payload": b64(payload), "payloadType": PAYLOAD_TYPE, "signatures": signatures}).encode()
    )


def test_both_signatures_make_terms():
    terms = open_terms(sign_terms(DRAFT, VENDOR, OPERATOR), TRUST)
    assert terms.draft == DRAFT
    assert terms.digest == digest(payload_of(DRAFT))
    assert [(s.role, s.key) for s in terms.signatures] == [
        ("vendor", key_id(VENDOR.verify_key)),
        ("operator", key_id(OPERATOR.verify_key)),
    ]


def test_the_sample_terms_open():
    assert open_terms(sign_terms(sample(), VENDOR, OPERATOR), TRUST).draft.name == "institutional-use@1"


def test_signatures_are_added_one_after_the_other_on_different_machines():
    first = sign_terms(DRAFT, OPERATOR)
    both = add_signature(first, SPARE)
    assert open_terms(both, TRUST).signatures[0].key == key_id(SPARE.verify_key)
    again = add_signature(both, SPARE)
    assert claimed_keys(again) == (key_id(OPERATOR.verify_key), key_id(SPARE.verify_key))
    assert claimed_draft(first) == DRAFT


def test_any_dsse_tool_verifies_the_envelope():
    """securesystemslib's encoding of the same envelope is the one that we sign."""
    value = json.loads(sign_terms(DRAFT, VENDOR).raw)
    envelope = Envelope.from_dict({**value, "signatures": []})
    assert envelope.pae() == pae(PAYLOAD_TYPE, payload_of(DRAFT))
    VENDOR.verify_key.verify(envelope.pae(), __import__("base64").b64decode(value["signatures"][0]["sig"]))


def wrong_byte(signed: SignedTerms) -> SignedTerms:
    payload = payload_of(DRAFT).replace(b"secretsIn", b"streaming")
    return changed(signed, payload=b64(payload))


BOTH = sign_terms(DRAFT, VENDOR, OPERATOR)
OTHER = sign_terms(draft(ANYTHING), VENDOR, OPERATOR)
REFUSED = {
    "operator alone": (sign_terms(DRAFT, OPERATOR), "the vendor has not signed", "labs.test/terms+"),
    "vendor alone": (sign_terms(DRAFT, VENDOR), "the operator has not signed", "ministry.test/terms+"),
    "vendor twice": (sign_terms(DRAFT, VENDOR, SPARE), "the operator has not signed", ""),
    "nobody": (sign_terms(DRAFT), "the vendor has not signed", ""),
    "a stranger under the vendor's name": (sign_terms(DRAFT, STRANGER, OPERATOR), "the vendor has not signed", ""),
    "one byte of the text": (wrong_byte(BOTH), "does not hold", ""),
    "signatures of other terms": (
        changed(BOTH, signatures=json.loads(OTHER.raw)["signatures"]),
        "does not hold",
        "",
    ),
    "another payload type": (changed(BOTH, payloadType="application/json"), "expected `application/vnd", ""),
    "signature that is not base64": (
        changed(BOTH, signatures=[{"keyid": key_id(VENDOR.verify_key), "sig": "!"}]),
        "not base64",
        "",
    ),
    "payload that is not base64": (changed(BOTH, payload="é"), "not base64", ""),
    "no envelope": (SignedTerms(b"{}"), "does not hold signed terms", ""),
    "no JSON": (SignedTerms(b"\xff\x00"), "does not hold signed terms", ""),
    "deep JSON": (SignedTerms(b'{"payload":' + b"[" * 100_000), "does not hold signed terms", ""),
    "nothing": (SignedTerms(b""), "does not hold signed terms", ""),
    "nine megabytes": (SignedTerms(b" " * 9_000_000), "more than 8388608 bytes", ""),
    "many signatures": (changed(BOTH, signatures=json.loads(BOTH.raw)["signatures"] * 9), "at most 16", ""),
    "Cedar that is not the text's": (resigned(cedar=DRAFT.cedar.replace("secretsIn", "streaming")), "not what the", ""),
    "a policy more": (resigned(cedar=DRAFT.cedar + "permit (principal, action, resource);"), "not what the", ""),
    "a schema that is not ours": (resigned(schema=DRAFT.schema.replace("Purpose", "Porpoise")), "not what the", ""),
    "a schema without caveats": (resigned(schema="{}"), "schema cannot be read", ""),
    "a schema that is no JSON": (resigned(schema="[["), "schema cannot be read", ""),
    "caveats that are no words": (
        resigned(schema='{"":{"entityTypes":{"Caveat":{"enum":[1]}}}}'),
        "cannot be read",
        "",
    ),
    "a text that does not compile": (
        resigned(yaml=DRAFT.yaml.decode().replace("secretsIn", "secretIn")),
        "do not compile",
        "",
    ),
    "a key too many": (resigned(more=1), "not terms", ""),
    "a later format": (resigned(v=2), "not terms", ""),
    "not canonical": (with_payload(payload_of(DRAFT) + b" "), "not what the", ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_who_must_do_what(name):
    signed, message, hint = REFUSED[name]
    with pytest.raises(NotVerified) as caught:
        open_terms(signed, TRUST)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_one_key_cannot_be_both_parties_under_two_names():
    twin = SigningKey("ministry.test/twin", b"\x01" * 32)
    trust = {"vendor": (VENDOR.verify_key,), "operator": (OPERATOR.verify_key, twin.verify_key)}
    with pytest.raises(NotVerified, match="stands for both parties"):
        open_terms(sign_terms(DRAFT, VENDOR, twin), trust)


@pytest.mark.parametrize("trust", [{}, {"vendor": (VENDOR.verify_key,)}, {"vendor": (), "operator": ()}])
def test_without_a_trusted_key_of_each_nothing_opens(trust):
    with pytest.raises(NotVerified, match="no key of the"):
        open_terms(BOTH, trust)


def test_nobody_adds_a_signature_to_cedar_that_is_not_the_texts():
    with pytest.raises(NotVerified, match="not what the signed text compiles to"):
        add_signature(resigned(cedar=""), SPARE)


GOLDEN = Path(__file__).parents[1] / "conformance" / "terms"
VERSIONS = json.loads((GOLDEN / "versions.json").read_text("utf-8"))


@pytest.mark.parametrize("golden", VERSIONS["documents"], ids=lambda golden: golden["file"])
def test_what_was_signed_under_an_earlier_vocabulary_compiles_to_the_same_bytes(golden):
    trust = {role: [read_verify_key(text)] for role, text in VERSIONS["keys"].items()}
    terms = open_terms(SignedTerms((GOLDEN / golden["file"]).read_bytes()), trust)
    assert (terms.draft.vocabulary, terms.digest) == (golden["vocabulary"], golden["digest"])


def test_every_version_of_the_vocabulary_has_a_golden_document():
    assert {golden["vocabulary"] for golden in VERSIONS["documents"]} == set(range(1, VERSION + 1))


def test_terms_of_a_later_vocabulary_are_refused_with_what_to_do():
    with pytest.raises(NotVerified, match=f"of vocabulary 99, and this Caveat knows it up to {VERSION}") as caught:
        open_terms(resigned(vocabulary=99), TRUST)
    assert "install the version of Caveat" in caught.value.hint


def test_a_version_that_the_text_does_not_need_is_not_what_it_compiles_to():
    with pytest.raises(NotVerified, match="not what the signed text compiles to"):
        open_terms(resigned(vocabulary=1), TRUST)


GROWN = """
import msgspec
import caveat.vocabulary as v
v.FACTS += (v.Fact("moonPhase", "place", v.Long(0, 29, "days"), "config", "age of the moon", since=3),)
v.FACT = {fact.name: fact for fact in v.FACTS}
v.HAZARDS += ("x_new",)
v.HAZARD = v.Enum("Hazard", v.HAZARDS)
v.VOICED = v.Enum("Voiced", tuple(f"{x}:{h}" for x in v.VOICES for h in v.HAZARDS))
GREW = {"hazardsIn": v.SetOf(v.HAZARD), "hazardsOut": v.SetOf(v.HAZARD), "voicedIn": v.SetOf(v.VOICED)}
v.FACTS = tuple(msgspec.structs.replace(f, type=GREW.get(f.name, f.type)) for f in v.FACTS)
v.FACT = {fact.name: fact for fact in v.FACTS}
v.WORD_SINCE[("Hazard", "x_new")] = 4
v.VERSION = 4

import json, sys
from pathlib import Path
from caveat.facts.seen import over
from caveat.keys import read_verify_key
from caveat.terms.document import SignedTerms
from caveat.terms.sign import open_terms
from tests.making import ANYTHING, clause, draft

golden = Path(sys.argv[1])
keys = json.loads((golden / "versions.json").read_text())
trust = {role: [read_verify_key(text)] for role, text in keys["keys"].items()}
old = open_terms(SignedTerms((golden / "vocabulary-1.json").read_bytes()), trust)
moon = draft(ANYTHING, clause("moon", "forbid", "context.moonPhase > 14"))
hazard = draft(ANYTHING, clause("new", "forbid", 'context.voicedIn.contains(Voiced::"user:x_new")'))
score = draft(ANYTHING, clause("new", "forbid", "context.pmOut_x_new > 3"))
listed = draft(ANYTHING, thresholds={"default": 500, "x_new": 10})
print(json.dumps({
    "digest": old.digest,
    "versions": [d.vocabulary for d in (old.draft, moon, hazard, score, listed)],
    "moon": ["moonPhase" in d.schema for d in (old.draft, moon, hazard)],
    "new": ["x_new" in d.schema for d in (old.draft, moon, hazard)],
    "over": [over({"x_new": 1000}, d) for d in (old.draft, moon, hazard)],
}))
"""


def test_a_vocabulary_that_grew_leaves_older_terms_as_they_were():
    """A fact of version 3 and a hazard of version 4, added before anything else is imported."""
    done = subprocess.run(
        [sys.executable, "-c", GROWN, str(GOLDEN)], capture_output=True, text=True, check=False, cwd=GOLDEN.parents[2]
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "digest": VERSIONS["documents"][0]["digest"],
        "versions": [1, 3, 4, 4, 4],
        "moon": [False, True, True],
        "new": [False, False, True],
        "over": [[], [], ["x_new"]],
    }
