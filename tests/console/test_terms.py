"""Terms on the page: versions beside each other, what the change does to every request, a proposal tried on recorded calls,
where talks stand."""

import pytest
from tests.console.browser import visitor
from tests.console.conftest import ask
from tests.console.test_french import FRENCH, english
from tests.console.visiting import send, visiting
from tests.gateway.running import HEAD, IDENTITY, MODEL, running, upstream_text
from tests.making import clause, document

from caveat.gateway.scripted import server as scripted
from caveat.gateway.scripted.script import says

PATH = "/v1/chat/completions"
MODELS = [{"alias": MODEL, "identity": IDENTITY}]
DRAFTING = clause("drafting", "permit", 'context.purpose == Purpose::"drafting"')
PAIRS: dict[str, str] = {}
"""The two pairs of signatures, once they are adopted."""
LOW = clause("low", "permit", "context.labelRank <= 3")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Two versions: the second permits analysis too."""
    with scripted.serve(says("An answer.")) as upstream:
        home = tmp_path_factory.mktemp("terms") / "home"
        with running(home, HEAD + upstream_text(upstream.address), sample=False) as gateway:
            PAIRS["first"] = gateway.adopt(document(DRAFTING, models=MODELS))
            gateway.caller_key = gateway.key("anna", purposes=("drafting", "analysis"), purpose="drafting")
            for purpose in ("drafting", "drafting", "analysis"):
                gateway.http().post(PATH, json=ask(), headers={"caveat-purpose": purpose})
            gateway.ending()
            PAIRS["second"] = gateway.adopt(document(DRAFTING, LOW, models=MODELS, version=2))
            yield gateway


def test_versions_are_listed_and_each_can_be_read(gateway):
    with visiting(gateway, "viewer") as client:
        page = client.get("/console/terms").text
        assert "trial@2" in page
        assert "trial@1" in page
        assert "replaced" in page
        older = client.get("/console/terms", params={"terms": PAIRS["first"]}).text
        assert 'id="low"' not in older
        assert 'id="low"' in page
        assert "held in 2 calls" in older


def test_what_changed_stands_side_by_side_and_in_what_it_does(chromium, gateway):
    with visitor(chromium, gateway, "auditor") as page:
        page.goto("/console/terms")
        page.get_by_role("link", name="what changed trial@2").click()
        page.locator("h3", has_text="low").wait_for()
        assert page.get_by_text("Says low.").is_visible()
        page.get_by_role("button", name="Find what changes").click()
        page.get_by_text("there is one").first.wait_for(timeout=60_000)
        assert page.get_by_role("heading", name="newly allowed").is_visible()
        assert page.get_by_text("there is none").first.is_visible()


def test_a_proposal_is_tried_on_the_recorded_calls(chromium, gateway):
    proposal = document(LOW, models=MODELS, version=3).decode()
    with visitor(chromium, gateway, "auditor") as page:
        page.goto("/console/terms/replay")
        page.get_by_label("The proposal, as YAML").fill(proposal)
        page.get_by_role("button", name="Decide the calls again").click()
        page.get_by_role("heading", name="under trial@3").wait_for(timeout=60_000)
        assert page.get_by_role("row", name="deny to allow").first.is_visible()
        page.get_by_label("The proposal, as YAML").fill("no terms at all")
        page.get_by_role("button", name="Decide the calls again").click()
        page.get_by_role("alert").wait_for(timeout=60_000)


def test_who_may_not_try_is_refused(gateway):
    with visiting(gateway, "viewer") as client:
        assert send(client, "/console/terms/replay", terms="x").status_code == 403
        compare = {"before": PAIRS["first"], "after": PAIRS["second"]}
        assert send(client, "/console/terms/compare", **compare).status_code == 403
        assert client.get("/console/terms/compare", params=compare).status_code == 200
        assert client.get("/console/terms/compare?before=x&after=y").status_code == 404


def test_each_clause_has_its_plot(gateway):
    with visiting(gateway, "viewer") as client:
        reply = client.get("/console/terms/clause.svg?clause=drafting&theme=light")
        assert reply.headers["content-type"] == "image/svg+xml"
        assert "<svg" in reply.text
        assert "<script" not in reply.text
        assert client.get("/console/terms/clause.svg?clause=drafting&theme=x").status_code == 404
        assert client.get("/console/now/hour.svg?theme=dark").status_code == 200


def test_what_a_change_and_a_proposal_do_is_said_in_french(gateway):
    with visiting(gateway, "auditor", **FRENCH) as client:
        compare = {"before": PAIRS["first"], "after": PAIRS["second"]}
        meaning = send(client, "/console/terms/compare", **compare).text.partition('id="meaning-h"')[2]
        assert "nouvellement autorisé" in meaning
        assert "voici une requête que la version d&#39;après autorise" in meaning
        assert english(f"<section><h2 {meaning.partition('</main>')[0]}") == []
        replayed = send(client, "/console/terms/replay", terms=document(LOW, models=MODELS, version=3).decode()).text
        assert "refusé → autorisé" in replayed
        assert english(replayed) == []
