"""Two vendors, three models, one gateway: each call is decided under the terms of the model that it goes to."""

import time
from io import BytesIO
from typing import Any

import msgspec
import pytest
from tests.evidence.conftest import check
from tests.gateway.running import HEAD, eventually, running
from tests.talks.party import Party

from caveat.decide.policy import ENGINE
from caveat.errors import BadInput, NotVerified
from caveat.evidence.export import Order, export
from caveat.evidence.trust import read_trust
from caveat.gateway.control.agreeing import Adoption, adopt, trust_root
from caveat.gateway.exceptions.acts import grant, trust_approver
from caveat.gateway.home.housekeys import house_keys
from caveat.gateway.proof.trusting import source_of, trust_text
from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import says
from caveat.keys import new_signing_key
from caveat.ledger.reader import LedgerReader
from caveat.register import Register
from caveat.talks.draft import read_draft
from caveat.terms.document import SignedTerms
from caveat.terms.ending import sign_ending
from caveat.terms.samples import sample_terms
from caveat.terms.sign import claimed_terms, sign_terms
from caveat.waivers.approvers import Approver, name_approver
from caveat.waivers.signed import Request, approve, make_request

NOW = time.time_ns() // 1_000_000
SMALL, LARGE, FOREIGN = (f"weights:sha256:{digit * 64}" for digit in "abc")
PATH = "/v1/chat/completions"
MODELS = {"small": ("labs", SMALL), "large": ("labs", LARGE), "foreign": ("works", FOREIGN)}


def upstream(name: str, address: str, alias: str, identity: str) -> str:
    return (
        f'[upstream.{name}]\nbase_url = "{address}"\ndialects = ["openai_chat", "anthropic_messages"]\n'
        f'models = {{ "{alias}" = "{alias}-there" }}\nidentity = "{identity}"\n'
    )


def terms(id_: str, models: dict[str, str], *, version: int = 1, ceiling: int = 4) -> bytes:
    """The sample terms under another name, for these models, up to another marking."""
    text = sample_terms().decode()
    head, _, rest = text.partition("models:")
    rest = rest[rest.index("\npurposes:") :]
    listed = "".join(f"\n- {{alias: {alias}, identity: '{identity}'}}" for alias, identity in models.items())
    text = f"{head}models:{listed}{rest}"
    text = text.replace("id: institutional-use", f"id: {id_}", 1).replace("version: 1", f"version: {version}", 1)
    assert "context.labelRank > 4" in text
    return text.replace("context.labelRank > 4", f"context.labelRank > {ceiling}").encode()


class Vendor:
    """A vendor, and the operator's own repository for the agreement with it."""

    def __init__(self, name: str, number: int) -> None:
        self.labs = Party("vendor", number, name=f"{name}.test", at=NOW)
        self.ours = Party("operator", number + 100, name=f"ministry-{name}.test", at=NOW)

    def sign(self, yaml: bytes) -> bytes:
        return sign_terms(read_draft(yaml), *self.labs.terms_keys, *self.ours.terms_keys).raw

    def adoption(self, yaml: bytes, signed: bytes = b"") -> bytes:
        signed = signed or self.sign(yaml)
        path = f"terms/{read_draft(yaml).name}.json"
        listings = {p.name: p.list({path: signed}, at=NOW) for p in (self.labs, self.ours)}
        return msgspec.json.encode(Adoption(1, signed.decode(), listings))


@pytest.fixture
def agreed(tmp_path):
    """A gateway under both vendors' terms: labs' up to rank 4, works' up to rank 0."""
    labs, works = Vendor("labs", 1), Vendor("works", 51)
    with scripted.serve(says("From labs.")) as one, scripted.serve(says("From works.")) as other:
        text = HEAD + upstream("small", one.address, "small", SMALL) + upstream("large", one.address, "large", LARGE)
        text += upstream("foreign", other.address, "foreign", FOREIGN)
        with running(tmp_path / "home", text, sample=False, parties=False) as gateway:
            for vendor in (labs, works):
                for party in (vendor.labs, vendor.ours):
                    gateway.run(trust_root(gateway.house, party.roots[0].encode()))
            gateway.run(adopt(gateway.house, labs.adoption(terms("labs-terms", {"small": SMALL, "large": LARGE}))))
            gateway.run(adopt(gateway.house, works.adoption(terms("works-terms", {"foreign": FOREIGN}, ceiling=0))))
            yield gateway, labs, works


def ask(gateway, model, text="Hello."):
    client = gateway.http(gateway.key(f"k{time.monotonic_ns()}", clearance_rank=8))
    return client.post(PATH, json={"model": model, "messages": [{"role": "user", "content": text}]})


def test_each_call_is_decided_under_the_terms_of_the_model_that_it_goes_to(agreed):
    gateway, *_ = agreed
    for model, (vendor, _) in MODELS.items():
        reply = ask(gateway, model)
        assert (reply.status_code, reply.headers["x-caveat-terms"]) == (200, f"{vendor}-terms@1")
        assert f"From {vendor}." in reply.json()["choices"][0]["message"]["content"]
        opened, settled = gateway.call(reply.headers["x-caveat-call"])
        digest = gateway.house.view.register.terms[f"{vendor}-terms"].digest
        assert opened.leaf.terms == settled.leaf.terms == digest
    marked = "RESTRICTED\nSummarise: the committee met on Tuesday."
    assert ask(gateway, "foreign", "INTERNAL\nSummarise: we met.").status_code == 403
    assert ask(gateway, "small", "INTERNAL\nSummarise: we met.").status_code == 200
    assert ask(gateway, "large", marked).status_code == 403
    assert ask(gateway, "nobodys").status_code == 404


def test_a_change_of_one_vendors_terms_leaves_the_others_as_they_are(agreed):
    gateway, _, works = agreed
    gateway.run(adopt(gateway.house, works.adoption(terms("works-terms", {"foreign": FOREIGN}, version=2))))
    assert ask(gateway, "foreign").headers["x-caveat-terms"] == "works-terms@2"
    assert ask(gateway, "small").headers["x-caveat-terms"] == "labs-terms@1"
    signed = works.sign(terms("works-terms", {"foreign": FOREIGN}, version=2))
    ending = sign_ending(claimed_terms(SignedTerms(signed)), works.labs.terms_keys[0], "We part.")
    gateway.run(gateway.house.end_terms("works-terms", ending))
    assert ask(gateway, "foreign").status_code == 404
    assert ask(gateway, "large").status_code == 200


def test_one_vendor_cannot_change_or_end_the_others_terms(agreed):
    gateway, _, works = agreed
    yaml = terms("labs-terms", {"small": SMALL, "large": LARGE}, version=2, ceiling=15)
    with pytest.raises(NotVerified, match="is an agreement with"):
        gateway.run(adopt(gateway.house, works.adoption(yaml)))
    pair = gateway.house.view.register.terms["labs-terms"]
    with pytest.raises(NotVerified):
        ending = sign_ending(pair, works.labs.terms_keys[0], "They part.")
        gateway.run(gateway.house.end_terms("labs-terms", ending))
    assert ask(gateway, "small").headers["x-caveat-terms"] == "labs-terms@1"


def test_a_model_of_both_is_nobodys(agreed):
    """Terms of one vendor that name a model which the other's cover are not adopted."""
    gateway, _, works = agreed
    before = len(gateway.records())
    with pytest.raises(BadInput, match="cover the model `small` already"):
        gateway.run(adopt(gateway.house, works.adoption(terms("more-works", {"small": SMALL}))))
    assert len(gateway.records()) == before


def test_evidence_of_both_agreements_verifies_by_both_verifiers(agreed):
    """Who holds the parties' keys needs nothing else: the records show that each pair was listed by both of its parties."""
    gateway, labs, works = agreed
    for model in MODELS:
        assert ask(gateway, model).status_code == 200
    gateway.ending()
    gateway.run(adopt(gateway.house, works.adoption(terms("works-terms", {"foreign": FOREIGN}, version=2))))
    out, trust = exported(gateway)
    assert {key.name for key in trust.parties["vendor"]} == {"labs.test/terms-1", "works.test/terms-1"}
    report = check(out, trust)
    assert report.verified, report.sentences()
    keys, _ = house_keys(gateway.home, "localhost/caveat/test")
    lonely = read_trust(
        trust_text(keys.verify_keys, Register()).encode()
        + f"party vendor {labs.labs.terms_keys[0].verify_key.text}\n".encode()
        + f"party operator {labs.ours.terms_keys[0].verify_key.text}\n".encode()
    )
    assert not check(out, lonely).verified, "the other vendor's keys are not trusted"


def person(gateway, name, party):
    """A person whom that party names, and their key."""
    key = new_signing_key(name)
    document = name_approver(Approver(1, name, name.title(), key.verify_key.text, party.role), party.terms_keys[0])
    gateway.run(trust_approver(gateway.house, document))
    return key


def test_a_vendors_approver_approves_under_that_vendors_terms_alone(agreed):
    """Both agreements want a person of the vendor's side on each waiver; works' person is none on one of labs' terms."""
    gateway, labs, works = agreed
    rule = b"\nwaivers: {approvers: 2, vendor: 1}\n"
    own = {"small": SMALL, "large": LARGE}
    gateway.run(adopt(gateway.house, labs.adoption(terms("labs-terms", own, version=2) + rule)))
    anna, ben = (person(gateway, name, labs.ours) for name in ("anna", "ben"))
    vera, wanda = person(gateway, "vera", labs.labs), person(gateway, "wanda", works.labs)
    with pytest.raises(NotVerified, match=r"`vera` already approves for labs\.test, and works\.test names them now"):
        person(gateway, "vera", works.labs)
    pair = gateway.house.view.register.terms["labs-terms"]
    plain: dict[str, Any] = {
        "from_ms": NOW - 60_000,
        "until_ms": NOW + 3_600_000,
        "max_uses": 2,
        "requester": "carl",
        "reason": "Audit.",
    }
    raw = make_request(Request(1, clauses=("secrets.kept",), terms=pair.digest, nonce="0" * 32, **plain), pair.draft)
    for key in (anna, ben, wanda):
        raw = approve(raw, key)
    secret = "The key is AKIAIOSFODNN7EXAMPLQ, is it well made?"
    with pytest.raises(NotVerified, match=r"vendor's side; `wanda` does not count here: works\.test named them"):
        gateway.run(grant(gateway.house, raw))
    assert ask(gateway, "small", secret).status_code == 403
    waiver = gateway.run(grant(gateway.house, approve(raw, vera)))
    assert waiver.approvers == ("anna", "ben", "vera")
    assert ask(gateway, "small", secret).status_code == 200
    out, trust = exported(gateway)
    report = check(out, trust)
    assert report.verified, report.sentences()


def exported(gateway):
    """The whole log as a bundle, and the trust file of this house."""
    gateway.ending()
    home = gateway.home
    keys, _ = house_keys(home, "localhost/caveat/test")
    reader = LedgerReader(home.ledger, home.vault)
    eventually(lambda: parse_checkpoint_size(reader.checkpoint()) == gateway.house.log.size)
    out = BytesIO()
    export(source_of(home, reader), Order(0, None, "audit", ENGINE), keys.plain, out)
    return out.getvalue(), read_trust(trust_text(keys.verify_keys, gateway.house.view.register).encode())


def parse_checkpoint_size(checkpoint: bytes) -> int:
    return int(checkpoint.split(b"\n")[1])
