"""kill -9 at every write of a renewal, a revocation, a stand-by, a switch and a claim: afterwards the old state holds or the
new one, the ledger is sound, and nothing in between was ever there."""

import itertools
import time

import pytest
from tests.gateway.house.test_leasing import DAY
from tests.gateway.running import HEAD, IDENTITY, MODEL, running
from tests.stories.test_adoption import version
from tests.stories.test_adoption_kill import killed
from tests.stories.test_attempts import OTHER

from caveat.gateway.exceptions.acts import trust_approver
from caveat.gateway.house.founding import SAMPLES, party_key, trust_party
from caveat.keys import new_signing_key
from caveat.talks.draft import read_draft
from caveat.terms.claim import Claim, claim_bytes
from caveat.terms.ending import sign_ending
from caveat.terms.lease import FOREVER
from caveat.terms.renewal import sign_renewal
from caveat.terms.sign import sign_terms
from caveat.waivers.approvers import Approver, name_approver
from caveat.waivers.refusal import refuse
from caveat.waivers.signed import Request, make_request

ANNA = new_signing_key("anna")
NOW = time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with the sample terms under a lease, and a second vendor's terms that stand by."""
    path = tmp_path_factory.mktemp("lasting") / "home"
    with running(path, HEAD) as gateway:
        text = version(2).decode()
        kept = [line for line in text.splitlines() if not line.startswith(("lease:", "continuity:", "wind_down:"))]
        kept.insert(kept.index("markings: civil"), "lease: {calls: 100}")
        gateway.adopt("\n".join(kept).encode())
        works = new_signing_key("works.example/terms")
        gateway.run(trust_party(gateway.house, "vendor", works, sample=True))
        other = version(1).decode().replace("id: institutional-use\n", "id: other-use\n").replace(IDENTITY, OTHER)
        signed = sign_terms(read_draft(other.encode()), works, party_key(gateway.home, SAMPLES["operator"]))
        gateway.run(gateway.house.adopt(signed.raw))
        target = {"terms": "other-use", "model": MODEL}
        client = gateway.http(gateway.operator_key)
        assert client.post(f"/caveat/v1/standby/{MODEL}", json=target).status_code == 200
        anna = Approver(1, "anna", "Anna", ANNA.verify_key.text, "operator")
        named = name_approver(anna, party_key(gateway.home, SAMPLES["operator"]))
        gateway.run(trust_approver(gateway.house, named))
        terms = gateway.house.view.register.terms["institutional-use"]
        vendor = party_key(gateway.home, SAMPLES["vendor"])
    (path / "caveat.toml").write_text(HEAD)
    return path, terms, vendor


def refusal(terms):
    """A person's word that a waiver of these terms is not granted."""
    clause = next(clause.id for clause in terms.draft.clauses if clause.waivable)
    asked = Request(1, (clause,), terms.digest, "Audit.", NOW, NOW + DAY, 1, "carl", "0" * 32)
    return refuse(make_request(asked, terms.draft), ANNA)


def work(terms, vendor):
    """Each operation: method, path, body, and what of the state is new after it."""
    renewal = sign_renewal(terms, vendor, issued_ms=NOW, until_ms=NOW + 900 * DAY, calls=FOREVER)
    claim = claim_bytes(Claim(1, "institutional-use", "Talks are off.", "paraphrased", "2026-02-14", by="A Paper"))
    return {
        "renewal": ("POST", "/terms/institutional-use/renewal", renewal, "leases"),
        "revocation": ("DELETE", "/terms/institutional-use", sign_ending(terms, vendor, "Talks failed."), "terms"),
        "notice": ("DELETE", "/terms/institutional-use", sign_ending(terms, vendor, "Next year.", NOW + DAY), "leases"),
        "stand-by": ("POST", f"/standby/{MODEL}", b"{}", "standby"),
        "switch": ("POST", f"/switch/{MODEL}", b"", "moved"),
        "claim": ("POST", "/claims", claim, "claims"),
        "refusal": ("POST", "/approvals", refusal(terms), "decided"),
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    [
        "revocation",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("renewal", "notice", "stand-by", "switch", "claim", "refusal")
        ),
    ],
)
def test_ended_at_any_write_the_old_holds_or_the_new(home, tmp_path, name):
    path, terms, vendor = home
    method, address, body, new = work(terms, vendor)[name]
    (tmp_path / "body").write_bytes(body)
    lines = killed("ask", path, method, address, *([tmp_path / "body"] if body else []))
    assert lines[-1]["at"] == 0
    assert all("error" not in line["found"] for line in lines)
    assert all(line["found"]["findings"] == [] for line in lines)
    states = [line["found"]["state"] for line in lines]
    old, after = states[0], states[-1]
    assert old[new] != after[new]
    assert all(state in (old, after) for state in states)
    assert sum(one != other for one, other in itertools.pairwise(states)) == 1
    assert len(lines) > 8
