"""The control API: every path wants its role, a caller sees its own calls only, and what it says is true."""

import json
import re

import pytest
from starlette.routing import Route
from tests.gateway.running import HEAD, MODEL, eventually, running, scripted_gateway, upstream_text

from caveat.gateway.control.api import Control
from caveat.gateway.control.endpoints import ENDPOINTS
from caveat.gateway.desk.ports import Desk
from caveat.gateway.home.documents import Documents
from caveat.gateway.index.follow import Index
from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.ledger.reader import LedgerReader
from caveat.ledger.receipt import parse_receipt
from caveat.register import ROLES

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}]}
PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("control") / "home", says("Hello there.")) as pair:
        yield pair


@pytest.fixture(scope="module")
def gateway(governed):
    return governed[0]


@pytest.fixture(scope="module")
def keys(gateway):
    """A live key of every role."""
    return {role: gateway.key(f"the-{role}", role) for role in ROLES}


def tried(endpoint):
    """The endpoint's path with something that is not there in each place."""
    return re.sub(r"\{[^}]*\}", "nothing", endpoint.path)


def id_of(endpoint):
    return f"{endpoint.method} {endpoint.path}"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=id_of)
def test_without_a_key_nothing_is_told(gateway, endpoint):
    for key in ("none", "cav-wrong"):
        reply = gateway.http(key).request(endpoint.method, tried(endpoint))
        assert reply.status_code == 401
        assert reply.json()["error"]["code"] == "invalid_key"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=id_of)
def test_each_role_gets_what_the_table_gives_it_and_no_more(gateway, keys, endpoint, role):
    before = len(gateway.records())
    reply = gateway.http(keys[role]).request(endpoint.method, tried(endpoint))
    if role in endpoint.roles:
        assert reply.status_code in {200, 400, 404}
        assert reply.status_code != 200 or reply.headers["content-type"].partition(";")[0] == endpoint.gives
    else:
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "role_missing")
        assert len(gateway.records()) == before


def test_a_revoked_key_is_nobodys(gateway):
    text = gateway.key("soon-gone", "auditor")
    assert gateway.http(text).get("/caveat/v1/terms").status_code == 200
    assert gateway.http(gateway.operator_key).delete("/caveat/v1/keys/soon-gone").json() == {"revoked": "soon-gone"}
    assert gateway.http(text).get("/caveat/v1/terms").status_code == 401
    assert gateway.http(text).post(PATH, json=ASK).status_code == 401


def test_a_caller_reads_its_own_calls_only(gateway, keys):
    mine, other = keys["caller"], gateway.key("another")
    for body in (json.dumps(ASK).encode(), b"not json"):
        made = gateway.http(mine).post(PATH, content=body, headers={"content-type": "application/json"})
        call = made.headers["x-caveat-call"]
        records = gateway.http(mine).get(f"/caveat/v1/calls/{call}").json()["records"]
        assert records[0]["opened"]["who"]["caller"] == "the-caller"
        for path in (f"/caveat/v1/calls/{call}", f"/caveat/v1/receipts/{call}"):
            assert gateway.http(other).get(path).status_code == 404
            for role in ("operator", "approver", "auditor"):
                assert gateway.http(keys[role]).get(path).status_code in {200, 503}


def test_a_call_that_is_not_there_and_one_of_another_look_alike(gateway, keys):
    made = gateway.http(keys["caller"]).post(PATH, json=ASK).headers["x-caveat-call"]
    other = gateway.http(gateway.key("curious"))
    answers = [other.get(f"/caveat/v1/calls/{call}").json() for call in (made, "0" * 32, "x'; drop table call")]
    assert answers[0] == answers[1] == answers[2]


def test_tiles_and_checkpoint_are_the_files_of_the_log(gateway, keys):
    auditor = gateway.http(keys["auditor"])
    eventually(lambda: gateway.home.ledger.joinpath("tile/0").exists())
    size = int(auditor.get("/caveat/v1/checkpoint").text.split("\n")[1])
    path = next(gateway.home.ledger.glob("tile/0/000.p/*"))
    name = path.relative_to(gateway.home.ledger / "tile")
    reply = auditor.get(f"/caveat/v1/tile/{name}")
    assert (reply.status_code, size > 0) == (200, True)
    for escape in ("../state", "../../keys/log", "%2e%2e/%2e%2e/keys/log", "0/../../state", "entries/999"):
        assert auditor.get(f"/caveat/v1/tile/{escape}").status_code == 404


def test_the_receipt_is_text_that_foreign_tools_read(gateway, keys):
    call = gateway.http(keys["caller"]).post(PATH, json=ASK).headers["x-caveat-call"]
    ask = gateway.http(keys["caller"])
    url = f"/caveat/v1/receipts/{call}"
    first = ask.get(url)
    assert first.status_code in {200, 503}, "it may have to wait for the next checkpoint"
    reply = eventually(lambda: r if (r := ask.get(url)).status_code == 200 else None)
    assert parse_receipt(reply.content).index > 0


def test_the_description_agrees_with_the_routes(gateway, keys):
    made = gateway.http(keys["caller"]).get("/caveat/v1/openapi.json").json()
    house, home = gateway.house, gateway.home
    index = Index(home.index, LedgerReader(home.ledger, home.vault))
    desk = Desk(home, house, index)
    control = Control(house, index, Documents(home.control), (desk.ports(), desk.approvals))
    routes = [r for r in control.app().routes if isinstance(r, Route)]
    served = {(m, r.path.replace(":path", "")) for r in routes for m in (r.methods or ()) if m != "HEAD"}
    described = {(method.upper(), path) for path, item in made["paths"].items() for method in item}
    assert served - described == {("GET", "/livez"), ("GET", "/readyz")}
    assert described <= served
    operations = [operation for item in made["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_terms_in_force(gateway, keys):
    (terms,) = gateway.http(keys["caller"]).get("/caveat/v1/terms").json()["in_force"]
    assert terms["terms"] == "institutional-use@1"
    assert terms["yaml"].startswith("# Sample terms")


def test_metrics_count_calls_and_hold_no_names(gateway, keys):
    gateway.http(keys["caller"]).post(PATH, json=ASK)
    text = gateway.http(keys["auditor"]).get("/metrics").text
    assert re.search(
        r'caveat_calls_total\{dialect="openai_chat",rule="permit",stream="false",verdict="allow"\} [1-9]', text
    )
    assert "caveat_endings_total" in text
    assert "the-caller" not in text


# --- keys ---


def test_the_list_of_keys_tells_no_text_and_no_digest(gateway, keys):
    reply = gateway.http(keys["operator"]).get("/caveat/v1/keys")
    row = {"id": "the-auditor", "role": "auditor", "live": True, "budget": {}, "used": {}}
    assert row in reply.json()["keys"]
    assert "sha256" not in reply.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"not json",
        b"\xff",
        b"[]",
        *(
            json.dumps({"role": role, "secret_digest": digest, "caller": {"id": name}}).encode()
            for role, digest, name in (
                ("king", "sha256:" + "0" * 64, "k"),
                ("caller", "sha256:00", "k"),
                ("caller", "sha256:" + "0" * 64, ""),
                ("caller", "sha256:" + "0" * 64, "two words"),
                ("caller", "sha256:" + "0" * 64, "x" * 200),
            )
        ),
    ],
)
def test_a_key_document_that_is_none_is_refused(gateway, keys, body):
    before = len(gateway.records())
    reply = gateway.http(keys["operator"]).post("/caveat/v1/keys", content=body)
    assert reply.status_code == 400
    assert len(gateway.records()) == before


def test_a_name_is_given_to_one_key_only(gateway, keys):
    document = {"role": "caller", "secret_digest": "sha256:" + "0" * 64, "caller": {"id": "the-caller"}}
    assert gateway.http(keys["operator"]).post("/caveat/v1/keys", json=document).status_code == 400


@pytest.mark.parametrize("path", ["/caveat/v1/keys", "/caveat/v1/terms", "/caveat/v1/evaluate"])
def test_a_control_body_too_large_is_refused(gateway, keys, path):
    reply = gateway.http(keys["operator"]).post(path, content=b" " * 3_000_000)
    assert reply.status_code == 413


@pytest.mark.parametrize("path", ["/caveat/v1/keys/nobody", "/caveat/v1/terms/nothing"])
def test_ending_what_is_not_there(gateway, keys, path):
    before = len(gateway.records())
    assert gateway.http(keys["operator"]).delete(path).status_code == 400
    assert len(gateway.records()) == before


# --- evaluate ---


def evaluated(gateway, keys, body, **context):
    asked = {"resource": {"type": "dialect", "id": "openai_chat"}, "context": {"body": body, **context}}
    return gateway.http(keys["operator"]).post("/caveat/v1/evaluate", json=asked)


def test_a_dry_run_decides_is_on_record_and_sends_nothing(gateway, keys, governed):
    sent, before = len(governed[1].received), len(gateway.records())
    allowed = evaluated(gateway, keys, ASK, headers={"Caveat-Purpose": "drafting"}).json()
    assert (allowed["decision"], allowed["context"]["verdict"]) == (True, "allow")
    secret = {"model": MODEL, "messages": [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nHello."}]}
    denied = evaluated(gateway, keys, secret, headers={"Caveat-Purpose": "drafting", "Accept-Language": "fr"}).json()
    assert (denied["decision"], denied["context"]["clauses"]) == (False, ["marking.ceiling"])
    assert "Des données marquées" in denied["context"]["reason"]
    fresh = gateway.records()[before:]
    assert [(r.leaf.k, r.leaf.what, r.leaf.id) for r in fresh] == [("control", "evaluated", "the-operator")] * 2
    assert len(governed[1].received) == sent


def test_a_dry_run_of_what_cannot_be_read(gateway, keys):
    headers = {"Caveat-Purpose": "drafting"}
    assert evaluated(gateway, keys, {"model": MODEL, "messages": "none"}, headers=headers).status_code == 400
    assert evaluated(gateway, keys, {**ASK, "model": "other"}, headers=headers).status_code == 404
    assert gateway.http(keys["operator"]).post("/caveat/v1/evaluate", content=b"{").status_code == 400


@pytest.mark.parametrize("place", ["", "resource", "context"])
def test_a_field_that_is_not_known_is_refused_in_a_dry_run(gateway, keys, place):
    asked: dict[str, dict[str, object]] = {"resource": {"id": "openai_chat"}, "context": {"body": ASK}}
    asked.setdefault(place or "force", {})["force"] = True
    answer = gateway.http(keys["operator"]).post("/caveat/v1/evaluate", json=asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_input")


def test_an_oracle_is_asked_only_so_often(gateway, keys):
    """Whoever may ask what the terms would say could otherwise search for words that just pass."""
    body = {"resource": {"id": "no dialect"}, "context": {"body": {}}}
    ask = gateway.http(keys["operator"])
    statuses = [ask.post("/caveat/v1/evaluate", json=body).status_code for _ in range(80)]
    assert statuses[0] == 400
    assert statuses[-1] == 429


# --- health ---


def test_alive_and_ready_are_told_to_everyone_details_to_inspectors(gateway, keys):
    nobody = gateway.http("none")
    assert nobody.get("/livez").text == "alive\n"
    assert nobody.get("/readyz").text == "ready\n"
    assert gateway.http(keys["caller"]).get("/readyz").text == "ready\n"
    details = gateway.http(keys["auditor"]).get("/readyz").json()
    assert details["ready"]
    assert list(details["terms"]) == ["institutional-use@1"]


def test_ready_is_told_though_a_header_came_twice(gateway):
    pairs = [("x-api-key", "a"), ("x-api-key", "b")]
    assert gateway.http("none").get("/readyz", headers=pairs).status_code == 200
    assert gateway.http("none").get("/caveat/v1/terms", headers=pairs).status_code == 400


def test_not_ready_where_records_cannot_be_written(tmp_path):
    with serve(says("Hello.")) as upstream:
        text = HEAD + upstream_text(upstream.address)
        with running(tmp_path / "home", text) as gateway:
            assert gateway.http().get("/readyz").status_code == 200
            gateway.home.control.rename(tmp_path / "gone")
            assert gateway.http().get("/readyz").status_code == 503
            (tmp_path / "gone").rename(gateway.home.control)
            assert gateway.http().get("/readyz").status_code == 200
            gateway.run(gateway.house.log.close())  # type: ignore[attr-defined]
            assert gateway.http().get("/readyz").status_code == 503
            assert gateway.http().post(PATH, json=ASK).status_code == 503
            assert gateway.http("none").get("/livez").status_code == 200
            assert upstream.received == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_a_query_parameter_or_a_header_that_is_not_known_is_refused(gateway, keys, endpoint):
    """Everywhere alike: whatever was asked for by it is not silently left out."""
    client = gateway.http(keys[endpoint.roles[0]])
    for more in ({"params": {"since": "yesterday"}}, {"headers": {"Caveat-Urgency": "high"}}):
        answer = client.request(endpoint.method, tried(endpoint), **more)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["code"] == "header_invalid"


def test_a_call_with_a_header_that_is_not_known_is_refused_and_on_record(gateway):
    answer = gateway.http().post(PATH, json=ASK, headers={"caveat-purpos": "drafting"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "header_invalid")
    assert "`caveat-purpos`" in answer.json()["error"]["message"]
    assert [one.leaf.k for one in gateway.call(answer.headers["x-caveat-call"])] == ["refused"]


@pytest.mark.parametrize("place", ["", "caller"])
def test_a_field_that_is_not_known_is_refused_in_a_key(gateway, keys, place):
    holder = {"id": "zoe", "purpose": "drafting"}
    key = {"role": "caller", "secret_digest": "sha256:" + "0" * 64, "caller": holder}
    (holder if place else key).update({"admin": "yes"})
    answer = gateway.http(keys["operator"]).post("/caveat/v1/keys", json=key)
    assert answer.status_code == 400
    assert "zoe" not in gateway.http(keys["operator"]).get("/caveat/v1/keys").text
