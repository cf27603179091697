"""The operator writes fewer tokens than the engine counted: in the record, and in the ticket that the record bears.

What detects it: the ticket is the seal's; a changed one breaks its signature and the chain that a later beat closes.
"""

from typing import Any

import pytest
from tests.cheats.sealed import finding, places, staged, with_leaf


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with staged(tmp_path_factory.mktemp("tokens")) as stage:
        stage.calls(3).settled()
        stage.collect()
        yield stage


def cheaper(where):
    def change(entries):
        at = places(entries, lambda leaf: leaf.m)[1]
        entry, leaf = entries[at]
        tokens = [1, 1]
        ticket = leaf.m.split(" ")
        ticket[7:9] = ["1", "1"]
        changes: dict[str, dict[str, Any]] = {
            "record": {"tok": tokens},
            "ticket": {"m": " ".join(ticket)},
            "both": {"tok": tokens, "m": " ".join(ticket)},
        }
        entries[at] = with_leaf(leaf, entry, **changes[where])
        return entries

    return change


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("record", "says 1 tokens in and 1 out, the seal 12 and 5"),
        ("ticket", "the seal 1 and 1"),
        ("both", "the seal did not sign the ticket"),
    ],
)
def test_fewer_tokens_show(stage, where, words):
    assert finding(stage.report()).outcome == "proved"
    step = finding(stage.report(cheaper(where)))
    assert step.outcome == "failed"
    assert words in " ".join((step.says, *step.also))
