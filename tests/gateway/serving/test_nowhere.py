"""Paths at which nothing is: refused in the format of whoever asked, with where to go instead; nothing is passed through."""

import pytest
from tests.gateway.running import MODEL, scripted_gateway

from caveat.gateway.scripted.script import says

OPENAI = [
    ("the base URL lacks its `/v1`", "/chat/completions", "`/v1/chat/completions` may be meant"),
    ("the same, Responses", "/responses", "`/v1/responses` may be meant"),
    ("a part too much", "/v1/v1/embeddings", "`/v1/embeddings` may be meant"),
    ("models", "/models", "`/v1/models` may be meant"),
    ("nothing that is known", "/v1/audio/speech", "model calls go to `/v1/chat/completions`"),
    ("the root", "/", "persons look at `/console`"),
    ("a word of the house, with more behind it", "/metrics/more", "model calls go to"),
]
ANTHROPIC = [
    ("a part too much", "/v1/v1/messages", "`/v1/messages` may be meant"),
    ("counting", "/anthropic/v1/v1/messages/count_tokens", "`/v1/messages/count_tokens` may be meant"),
    ("what is not served", "/v1/messages/batches", "model calls go to"),
]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with scripted_gateway(tmp_path_factory.mktemp("nowhere") / "home", says("Hello.")) as both:
        yield both


@pytest.mark.parametrize(("_name", "path", "wanted"), OPENAI)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_in_openai_s_format(both, _name, path, wanted, method):
    reply = both[0].http().request(method, path, json={} if method == "POST" else None)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["type"]) == (404, "not_found", "not_found_error")
    assert wanted in error["message"]
    assert not both[1].received


@pytest.mark.parametrize(("_name", "path", "wanted"), ANTHROPIC)
def test_in_anthropic_s_format(both, _name, path, wanted):
    reply = both[0].http().post(path, json={})
    value = reply.json()
    assert (reply.status_code, value["type"], value["error"]["details"]["error_code"]) == (404, "error", "not_found")
    assert wanted in value["error"]["message"]
    assert not both[1].received


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/caveat/v1/nope", 404, "not_found"), ("PUT", "/caveat/v1/terms", 405, "method_not_allowed")],
)
def test_of_the_control_api(both, method, path, status, code):
    reply = both[0].http().request(method, path)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert "/caveat/v1/openapi.json" in reply.json()["error"]["message"]


def test_models_are_listed_for_whom_the_terms_have_a_purpose(both):
    """A key for purposes that the terms do not have may use none of their models."""
    gateway, _ = both
    for name, purposes, wanted in (("all", (), [MODEL]), ("some", ("drafting",), [MODEL]), ("none", ("x-rays",), [])):
        reply = gateway.http(gateway.key(name, purposes=purposes)).get("/v1/models")
        assert [one["id"] for one in reply.json()["data"]] == wanted
