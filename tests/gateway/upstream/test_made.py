"""Upstreams come from the settings: two vendors' formats at once, the embedded model beside them."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from caveat.errors import BadInput, Unavailable
from caveat.gateway.home.defaults import default_text
from caveat.gateway.home.directory import create
from caveat.gateway.home.settings import read
from caveat.gateway.home.tables import UpstreamSettings
from caveat.gateway.model.store import SMOLLM2
from caveat.gateway.scripted.script import Answer, Reply, always
from caveat.gateway.scripted.server import serve
from caveat.gateway.upstream.client import HttpUpstream, Outgoing, Standing
from caveat.gateway.upstream.endpoint import Endpoint
from caveat.gateway.upstream.made import Upstreams, open_upstreams, start_embedded
from caveat.terms.document import Model

IDENTITY = f"weights:sha256:{SMOLLM2.sha256}"


@pytest.fixture
def home(tmp_path):
    return create(tmp_path / "home", default_text())[0]


async def answer(served, path, dialect, body):
    reply = await served.upstream.send(Outgoing(path, b"", {"content-type": "application/json"}, body, dialect))
    try:
        return reply.status, json.loads(await reply.read(100_000))
    finally:
        await reply.close()


def test_two_upstreams_at_once_each_with_its_key(home, monkeypatch, authority, tmp_path):
    monkeypatch.setenv("LABS_KEY", "sk-labs")
    (home.keys / "other").write_text("sk-other\n")
    with (
        serve(always(Reply(answer=Answer("plain")))) as plain,
        serve(always(Reply(answer=Answer("tls"))), tls=authority.server(tmp_path)) as secure,
    ):
        settings = read(f"""
            [upstream.labs]
            base_url = "{plain.address}/v1"
            dialects = ["openai_chat"]
            models = {{ gpt = "labs-large" }}
            key_env = "LABS_KEY"
            [upstream.other]
            base_url = "{secure.address}"
            dialects = ["anthropic_messages"]
            models = {{ claude = "other-large" }}
            key_file = "keys/other"
            ca_bundle = "{authority.bundle}"
        """)

        async def main():
            async with open_upstreams(home, settings, lambda _: None) as upstreams:
                (gpt,), (claude,) = upstreams.serving(Model("gpt", "any")), upstreams.serving(Model("claude", "any"))
                assert gpt.identity == "endpoint:none+labs-large"
                assert claude.identity.startswith("endpoint:sha256:")
                assert claude.identity.endswith("+other-large")
                await answer(gpt, "/v1/chat/completions", "openai_chat", b'{"model": "labs-large"}')
                await answer(claude, "/v1/messages", "anthropic_messages", b'{"model": "other-large"}')

        asyncio.run(main())
        assert plain.received[0].headers["authorization"] == "Bearer sk-labs"
        assert secure.received[0].headers["x-api-key"] == "sk-other"


def test_model_is_served_only_under_the_identity_that_the_terms_name(home):
    settings = read(
        """
        [upstream.vllm]
        base_url = "http://127.0.0.1:9"
        dialects = ["openai_chat"]
        models = { llama = "meta-llama" }
        identity = "weights:sha256:%s"
    """
        % ("a" * 64)
    )

    async def main():
        async with open_upstreams(home, settings, lambda _: None) as upstreams:
            (right,) = upstreams.serving(Model("llama", "weights:sha256:" + "a" * 64))
            assert (right.name, right.control_tokens) == ("meta-llama", ())
            assert upstreams.serving(Model("llama", "weights:sha256:" + "b" * 64)) == ()
            assert upstreams.serving(Model("other", "any")) == ()

    asyncio.run(main())


def test_upstreams_of_one_alias_have_an_order_and_need_one():
    upstreams = Upstreams()
    for name, priority in (("second", 5), ("first", 1)):
        upstreams.add(
            HttpUpstream(name, Endpoint("http://h"), ("openai_chat",)), {"m": "m"}, standing=Standing(priority)
        )
    assert [one.upstream.name for one in upstreams.serving(Model("m", "any"))] == ["first", "second"]
    with pytest.raises(BadInput, match="two upstreams of priority 5, `third` among them"):
        upstreams.add(HttpUpstream("third", Endpoint("http://h"), ()), {"m": "m"}, standing=Standing(5))


def test_pinned_key_stands_in_the_identity_before_anything_was_reached(home):
    settings = read(
        """
        [upstream.labs]
        base_url = "https://127.0.0.1:9"
        dialects = ["openai_chat"]
        models = { gpt = "large" }
        identity = "endpoint:sha256:%s"
    """
        % ("c" * 64)
    )
    told: list[str] = []

    async def main():
        async with open_upstreams(home, settings, told.append) as upstreams:
            assert len(upstreams.serving(Model("gpt", f"endpoint:sha256:{'c' * 64}+large"))) == 1

    asyncio.run(main())
    assert len(told) == 1
    assert "`labs` cannot be reached" in told[0]


def test_change_of_identity_is_passed_on():
    upstreams, changes = Upstreams(), []
    upstreams.note_change()
    upstreams.changed = lambda: changes.append(1)
    upstreams.note_change()
    assert changes == [1]


def test_missing_key_is_told_before_anything_starts(home, monkeypatch):
    monkeypatch.delenv("LABS_KEY", raising=False)
    settings = read('[upstream.labs]\nbase_url = "http://h"\ndialects = ["openai_chat"]\nkey_env = "LABS_KEY"')

    async def main():
        async with open_upstreams(home, settings, lambda _: None):
            pass

    with pytest.raises(BadInput, match="LABS_KEY"):
        asyncio.run(main())


UNSEALED = "[upstream.embedded]\nembedded = true\n"


def test_embedded_model_answers_in_both_formats_and_survives_its_process(home, model_folder):
    """`model_folder` has seen to it that the weights are in the cache."""
    body = json.dumps(
        {"model": SMOLLM2.alias, "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}
    ).encode()
    told: list[str] = []

    async def main():
        others = children()
        async with open_upstreams(home, read(UNSEALED), told.append) as upstreams:
            (served,) = upstreams.serving(Model(SMOLLM2.alias, IDENTITY))
            assert (served.identity, served.name) == (IDENTITY, SMOLLM2.alias)
            assert "<|im_end|>" in served.control_tokens
            chat = await answer(served, "/v1/chat/completions", "openai_chat", body)
            message = await answer(served, "/v1/messages", "anthropic_messages", body)
            assert (chat[0], message[0]) == (200, 200)
            await killed(served, body, children() - others)

    asyncio.run(main())
    assert any("ready after" in sentence for sentence in told)


def children():
    """Processes that this one has started; other tests' may be among them."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


async def killed(served, body, started):
    """Kill the process under the upstream: calls fail plainly, and after a while they are served again."""
    [child] = started
    os.kill(child, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await answer(served, "/v1/chat/completions", "openai_chat", body)
    async with asyncio.timeout(60):
        while True:
            try:
                status, _ = await answer(served, "/v1/chat/completions", "openai_chat", body)
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                assert status == 200
                return


def test_embedded_upstream_runs_one_model(home):
    with pytest.raises(BadInput, match="one model"):
        asyncio.run(start_embedded(home.models, UpstreamSettings(embedded=True, models={"a": "x", "b": "y"})))


def test_embedded_model_that_was_never_pulled_is_told(home):
    with pytest.raises(BadInput, match=r"mine\.json") as missing:
        asyncio.run(start_embedded(home.models, UpstreamSettings(embedded=True, models={"m": "mine"})))
    assert "models pull" in missing.value.hint
