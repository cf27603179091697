"""The operator's programs, and the operator, call the model around the gateway.

What detects it: the model wants a key that only the seal has; whoever gets past that, on the model's own machine, shows in the
engine's counters, which the seal signs into its beats.
"""

import httpx
import pytest
from tests.cheats.sealed import SCRIPT, finding, staged

from caveat.gateway.scripted.script import Reply, Rule, Script

COUNTERS = "llamacpp:prompt_tokens_total {}\nllamacpp:tokens_predicted_total {}\n"
CHAT = "/v1/chat/completions"


def test_without_a_permit_nothing_passes_and_the_attempt_is_counted(tmp_path):
    with staged(tmp_path) as stage:
        stage.calls(2)
        before = len(stage.model.received)
        for path in (CHAT, "/v1/messages", "/completion", "/v1/embeddings", "/metrics"):
            reply = httpx.post(stage.seal.address + path, json={"messages": []}, trust_env=False, timeout=60)
            assert reply.status_code == 401
        assert len(stage.model.received) == before
        stage.collect()
        register = stage.gateway.house.view.register
        assert next(iter(register.meters.values())).refused == 5
        assert finding(stage.report()).outcome == "proved"


def counting(calls: int) -> Script:
    """A model whose counters stand where they stand after so many calls."""
    page = COUNTERS.format(12 * calls, 5 * calls)
    return Script((Rule(Reply(text=page), path="/metrics"), *SCRIPT.rules))


@pytest.mark.parametrize(("around", "outcome"), [(0, "proved"), (1, "failed")])
def test_a_call_from_the_models_own_machine_shows_in_the_engines_counters(tmp_path, around, outcome):
    with staged(tmp_path, counting(0), counters="llama.cpp") as stage:
        stage.collect()
        stage.calls(3)
        for _ in range(around):
            assert (
                httpx.post(stage.model.address + CHAT, json={"messages": []}, trust_env=False, timeout=60).status_code
                == 200
            )
        stage.model.play(counting(3 + around))
        stage.collect()
        step = finding(stage.report())
        assert step.outcome == outcome, step
        if around:
            assert (
                "the engine counted 48 tokens in and 20 out, and 36 tokens in and 15 out came through the seal"
                in step.says
            )
