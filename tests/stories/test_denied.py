"""What a program sees that is refused: one attempt, the clause quoted, in the caller's language."""

from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from tests.gateway.running import HEAD, MODEL, running, scripted_gateway, upstream_text
from tests.making import document

from caveat.gateway.scripted.script import says
from caveat.gateway.scripted.server import serve
from caveat.terms.samples import sample_terms

SECRET: list[Any] = [{"role": "user", "content": "TOP SECRET//SI//NOFORN\nSummarise the report."}]
PLAIN: list[Any] = [{"role": "user", "content": "Hello."}]
ENGLISH = "Data marked above CONFIDENTIAL, by whichever authority, is neither given to the model nor taken from it."
FRENCH = "Des données marquées au-dessus de CONFIDENTIEL"


class Counting(httpx.Client):
    """OpenAI's HTTP client, counting what the SDK sends."""

    sent = 0

    def send(self, request, **options):
        self.sent += 1
        return super().send(request, **options)


class Counting2(httpx2.Client):
    """Anthropic's."""

    sent = 0

    def send(self, request, **options):
        self.sent += 1
        return super().send(request, **options)


def test_openai_gets_one_error_of_its_own(gateway, upstream):
    counting = Counting()
    with pytest.raises(openai.PermissionDeniedError) as refused:
        gateway.openai(http_client=counting).chat.completions.create(model=MODEL, messages=SECRET)
    error = refused.value
    assert (error.code, error.type, counting.sent) == ("terms_denied", "permission_error", 1)
    assert ENGLISH in str(error)
    assert "`marking.ceiling`" in str(error)
    assert error.response.headers["x-should-retry"] == "false"
    assert error.response.headers["x-caveat-decision"] == "deny"
    assert error.request_id == error.response.headers["x-caveat-call"]
    assert upstream.received == []


def test_anthropic_gets_one_error_of_its_own(gateway, upstream):
    counting = Counting2()
    client = gateway.anthropic(http_client=counting)
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client.messages.create(model=MODEL, max_tokens=10, messages=SECRET)
    error = refused.value
    assert (error.type, counting.sent) == ("permission_error", 1)
    assert ENGLISH in str(error)
    assert error.request_id == error.response.headers["x-caveat-call"]
    assert upstream.received == []


@pytest.mark.parametrize(
    ("accepts", "said"),
    [
        ("fr", FRENCH),
        ("fr-CA, en;q=0.8", FRENCH),
        ("en, fr", ENGLISH),
        ("de, fr;q=0.5, en;q=0.2", FRENCH),
        ("zz", ENGLISH),
        ("", ENGLISH),
    ],
)
def test_a_refusal_speaks_the_callers_language(gateway, upstream, accepts, said):
    client = gateway.openai(default_headers={"Accept-Language": accepts})
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model=MODEL, messages=SECRET)
    assert said in str(refused.value)


def test_a_keys_language_counts_where_the_request_names_none(gateway, upstream):
    client = gateway.anthropic(gateway.key("francophone", language="fr-BE"))
    with pytest.raises(anthropic.PermissionDeniedError) as refused:
        client.messages.create(model=MODEL, max_tokens=10, messages=SECRET)
    assert FRENCH in str(refused.value)


def test_a_marking_may_be_declared_in_a_header_and_only_tightens(gateway, upstream):
    client = gateway.openai(default_headers={"Caveat-Marking": "SECRET"})
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model=MODEL, messages=PLAIN)
    assert "`marking.ceiling`" in str(refused.value)
    low = gateway.openai(gateway.key("marked", marking="SECRET"), default_headers={"Caveat-Marking": "PUBLIC"})
    with pytest.raises(openai.PermissionDeniedError):
        low.chat.completions.create(model=MODEL, messages=PLAIN)
    gateway.openai(default_headers={"Caveat-Marking": "INTERNAL"}).chat.completions.create(model=MODEL, messages=PLAIN)
    assert gateway.last("opened").opened["data"]["labelSource"] == "declared"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Caveat-Purpose", "analysis"),
        ("Caveat-Purpose", "no-such-purpose"),
        ("Caveat-Marking", "NO SUCH LEVEL"),
        ("Anthropic-Beta", "x" * 600),
    ],
)
def test_a_header_that_does_not_fit_is_told_and_retried_by_nobody(gateway, upstream, header, value):
    key = gateway.key(f"drafter-{header}-{len(value)}", purposes=("drafting",))
    counting = Counting()
    client = gateway.openai(key, default_headers={header: value}, http_client=counting)
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=PLAIN)
    assert (refused.value.code, counting.sent) == ("header_invalid", 1)
    assert upstream.received == []
    assert gateway.last("refused").opened["who"]["caller"].startswith("drafter-")


def test_a_purpose_within_the_keys_list_is_taken(gateway, upstream):
    key = gateway.key("two-purposes", purposes=("drafting", "analysis"))
    gateway.openai(key, default_headers={"Caveat-Purpose": "analysis"}).chat.completions.create(
        model=MODEL, messages=PLAIN
    )
    assert gateway.last("opened").opened["why"]["purpose"] == "analysis"


def test_a_key_without_purpose_needs_the_header(gateway, upstream):
    key = gateway.key("purposeless", purpose="")
    with pytest.raises(openai.BadRequestError) as refused:
        gateway.openai(key).chat.completions.create(model=MODEL, messages=PLAIN)
    assert "Caveat-Purpose" in str(refused.value)


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        (b'{"model": "m", "model": "n", "messages": []}', 400, "twice"),
        (b'{"model": NaN}', 400, ""),
        (b"\xff\xfe", 400, ""),
        (b'{"model": "\\ud800"}', 400, ""),
        (b"{} trailing", 400, ""),
        (b"[" * 70 + b"]" * 70, 400, ""),
        (b'{"model": "smollm2-135m", "messages": "no list"}', 400, "/messages"),
        (b"", 400, ""),
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused(gateway, upstream, body, status, what):
    client = gateway.http()
    for path in ("/v1/chat/completions", "/v1/messages"):
        reply = client.post(path, content=body, headers={"content-type": "application/json"})
        error = reply.json()["error"]
        assert reply.status_code == status
        assert error.get("code", error.get("details", {}).get("error_code")) == "unreadable"
        assert what in error["message"]
        assert reply.headers["x-should-retry"] == "false"
        (refused,) = gateway.call(reply.headers["x-request-id"])
        assert refused.leaf.k == "refused"
    assert upstream.received == []


@pytest.mark.parametrize("type_", ["text/plain", "application/json; charset=utf-16", "application/x-ndjson"])
def test_another_content_type_is_refused(gateway, upstream, type_):
    reply = gateway.http().post("/v1/chat/completions", content=b"{}", headers={"content-type": type_})
    assert reply.status_code == 415


def test_an_encoded_body_is_refused(gateway, upstream):
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert gateway.http().post("/v1/chat/completions", content=b"\x1f\x8b", headers=headers).status_code == 415


def test_a_field_that_no_table_knows_is_refused(gateway, upstream):
    with pytest.raises(openai.PermissionDeniedError) as refused:
        gateway.openai().chat.completions.create(model=MODEL, messages=PLAIN, extra_body={"grammar": 'root ::= "x"'})
    assert refused.value.code == "unreadable"
    assert "`/grammar`; leave it out, or ask the operator" in refused.value.message
    assert upstream.received == []


def test_after_the_terms_have_ended_every_call_is_terms_missing(tmp_path):
    with scripted_gateway(tmp_path / "home", says("Hello.")) as (gateway, upstream):
        client, counting = gateway.openai(), Counting()
        client.chat.completions.create(model=MODEL, messages=PLAIN)
        assert gateway.http().get("/readyz").status_code == 200
        ended = gateway.http(gateway.operator_key).delete("/caveat/v1/terms/institutional-use")
        assert ended.status_code == 200
        with pytest.raises(openai.APIStatusError) as refused:
            gateway.openai(http_client=counting).chat.completions.create(model=MODEL, messages=PLAIN)
        assert (refused.value.status_code, refused.value.code, counting.sent) == (503, "terms_missing", 1)
        with pytest.raises(anthropic.APIStatusError):
            gateway.anthropic().messages.create(model=MODEL, max_tokens=10, messages=PLAIN)
        assert len(upstream.received) == 1
        assert gateway.http().get("/readyz").status_code == 503


def test_without_any_terms_nothing_is_answered(tmp_path):
    with (
        serve(says("Hello.")) as upstream,
        running(tmp_path / "home", HEAD + upstream_text(upstream.address), sample=False) as gateway,
    ):
        client = gateway.openai(gateway.key("early"))
        with pytest.raises(openai.APIStatusError) as refused:
            client.chat.completions.create(model=MODEL, messages=PLAIN)
        assert refused.value.code == "terms_missing"
        assert gateway.http(gateway.operator_key).get("/readyz").json()["ready"] is False
        gateway.adopt(sample_terms())
        assert client.chat.completions.create(model=MODEL, messages=PLAIN).choices[0].message.content
        assert gateway.http().get("/readyz").text == "ready\n"


def test_each_model_is_under_its_own_terms_and_goes_to_its_own_upstream(tmp_path):
    """Two vendors at once: what one's terms permit, the other's may forbid."""
    other = document(
        {
            "id": "analysis.only",
            "title": "Analysis",
            "says": {"en": "Only analysis.", "fr": "Que de l'analyse."},
            "effect": "permit",
            "when": 'context.purpose == Purpose::"analysis"',
        },
        id="other-labs",
        models=[{"alias": "other", "identity": "any"}],
    )
    with serve(says("I am small.")) as small, serve(says("I am other.")) as far:
        text = HEAD + upstream_text(small.address) + upstream_text(far.address, "far", model="other", there="far-xl")
        with running(tmp_path / "home", text) as gateway:
            gateway.adopt(other)
            key = gateway.key("both", purposes=("drafting", "analysis"))
            client = gateway.openai(key)
            reply = client.chat.completions.create(model=MODEL, messages=PLAIN)
            assert "I am small." in str(reply.choices[0].message.content)
            assert [m.id for m in client.models.list()] == ["other", MODEL]
            with pytest.raises(openai.PermissionDeniedError) as refused:
                client.chat.completions.create(model="other", messages=PLAIN)
            assert refused.value.response.headers["x-caveat-terms"] == "other-labs@1"
            assert "`analysis.only`" in str(refused.value)
            assert far.received == []
            analyst = gateway.anthropic(key, default_headers={"caveat-purpose": "analysis"})
            made = analyst.messages.create(model="other", max_tokens=9, messages=PLAIN)
            assert made.model_dump()["content"][0]["text"] == "I am other."
            (received,) = far.received
            assert '"model":"far-xl"' in received.body.replace(" ", "")
            assert len(small.received) == 1


def test_a_dialect_that_the_models_upstream_does_not_serve(tmp_path):
    with serve(says("Hello.")) as upstream:
        text = HEAD + upstream_text(upstream.address, dialects='["openai_chat"]')
        with running(tmp_path / "home", text) as gateway:
            with pytest.raises(anthropic.APIStatusError) as refused:
                gateway.anthropic().messages.create(model=MODEL, max_tokens=9, messages=PLAIN)
            assert refused.value.status_code == 503
            assert refused.value.response.json()["error"]["details"]["error_code"] == "no_route"
            assert upstream.received == []


def test_a_model_that_is_not_the_agreed_one_is_not_served(tmp_path):
    """The terms name weights by digest: an upstream of another identity does not get a call."""
    with serve(says("Hello.")) as upstream:
        text = HEAD + upstream_text(upstream.address, identity='"weights:sha256:' + "0" * 64 + '"')
        with running(tmp_path / "home", text) as gateway:
            with pytest.raises(openai.APIStatusError) as refused:
                gateway.openai().chat.completions.create(model=MODEL, messages=PLAIN)
            assert (refused.value.status_code, refused.value.code) == (503, "no_route")
            problems = gateway.http(gateway.operator_key).get("/readyz").json()["problems"]
            assert problems == [f"no upstream serves the model `{MODEL}` as agreed"]
            assert upstream.received == []
