"""The agreement at the control API: roots, adoptions from repositories, steps; what is refused leaves no record."""

import time

import msgspec
import pytest
from tests.gateway.running import HEAD, running
from tests.talks.party import Party

from caveat.canon import digest
from caveat.gateway.control.agreeing import Adoption
from caveat.keys import SigningKey
from caveat.talks.draft import read_draft
from caveat.talks.steps import Step, sign_step
from caveat.terms.samples import sample_terms
from caveat.terms.sign import payload_of, sign_terms

NOW = time.time_ns() // 1_000_000
DRAFT = read_draft(sample_terms())
PATH = f"terms/{DRAFT.name}.json"


class Site:
    """A gateway that trusts both parties' roots."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.labs, self.ministry = Party("vendor", 1, at=NOW), Party("operator", 100, at=NOW)
        self.client = gateway.http(gateway.operator_key)
        for party in (self.labs, self.ministry):
            assert self.post("parties", party.roots[0].encode()).json() == {"trusted": party.name}
        self.signed = sign_terms(DRAFT, *self.labs.terms_keys, *self.ministry.terms_keys).raw

    def post(self, path, body):
        return self.client.post(f"/caveat/v1/{path}", content=body)

    def adoption(self, *parties, signed=b"", **listed):
        signed = signed or self.signed
        listings = {party.name: party.list({PATH: signed}, at=NOW, **listed) for party in parties}
        return msgspec.json.encode(Adoption(1, signed.decode(), listings))

    def step(self, *keys, by="vendor"):
        made = Step(1, "offer", by, DRAFT.id, "", DRAFT.name, digest(payload_of(DRAFT)), NOW)
        return sign_step(made, keys)


@pytest.fixture
def site(tmp_path):
    with running(tmp_path / "home", HEAD, sample=False, parties=False) as gateway:
        yield Site(gateway)


def acts(gateway):
    return [one.leaf.what for one in gateway.records() if one.leaf.what]


def test_what_both_repositories_list_is_adopted_with_what_was_seen(site):
    reply = site.post("terms", site.adoption(site.labs, site.ministry))
    assert reply.json()["adopted"] == DRAFT.name
    assert acts(site.gateway)[-3:] == ["party.seen", "party.seen", "terms.adopted"]
    again = site.post("terms", site.signed)
    assert again.status_code == 200, "what was seen lists it still"


def refused(site):
    """Each with a word that its sentence must hold."""
    other = sign_terms(DRAFT, *site.labs.terms_keys, SigningKey("ministry.test/terms-1", b"\x99" * 32)).raw
    return {
        "the file alone": (site.signed, "nothing was seen"),
        "the vendor's list alone": (site.adoption(site.labs), "nothing was seen of the repository of ministry.test"),
        "signed by a stranger for the operator": (
            site.adoption(site.labs, site.ministry, signed=other),
            "the operator has not signed",
        ),
        "a list that has expired": (site.adoption(site.labs, site.ministry, days=-1), "has expired"),
        "a party that nobody trusts": (
            site.adoption(site.labs, Party("operator", 7, name="stranger.test", at=NOW)),
            "whose root is not trusted",
        ),
        "a list cut short": (site.adoption(site.labs, site.ministry)[:-40], "no adoption of terms"),
        "no JSON": (b'{"caveat_adoption": 1, ', "no adoption of terms"),
        "deep": (b'{"caveat_adoption": ' + b"[" * 10_000, "no adoption of terms"),
    }


def test_what_is_refused_leaves_no_record(site):
    for name, (body, says) in refused(site).items():
        before = len(site.gateway.records())
        reply = site.post("terms", body)
        assert reply.status_code == 400, name
        assert says in reply.json()["error"]["message"], name
        assert len(site.gateway.records()) == before, name


def test_a_root_is_trusted_once(site):
    before = len(site.gateway.records())
    assert site.post("parties", site.labs.roots[0].encode()).json() == {"trusted": site.labs.name}
    again = site.post("parties", Party("vendor", 70, name=site.labs.name).roots[0].encode())
    assert "is trusted here already" in again.json()["error"]["message"]
    assert len(site.gateway.records()) == before
    assert site.post("parties", b"{}").status_code == 400
    assert site.post("parties", b"\xff").status_code == 400


def test_a_step_is_put_on_record_if_a_party_took_it(site):
    named = site.post("talks", site.step(*site.labs.terms_keys))
    assert named.json() == {"noted": "institutional-use@1: offer by the vendor"}
    assert acts(site.gateway)[-1] == "talks.step"
    for raw in (
        site.step(SigningKey("stranger", b"\x07" * 32)),
        site.step(*site.ministry.terms_keys),
        site.step(*site.labs.terms_keys, by="operator"),
        b"{}",
    ):
        before = len(site.gateway.records())
        assert site.post("talks", raw).status_code == 400
        assert len(site.gateway.records()) == before
