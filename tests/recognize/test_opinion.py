"""A guard model's answer counts only in the form that the model was trained to give."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.recognize.opinion import MOST, OVERLAP, WINDOWS, question, questions, read_opinion
from caveat.vocabulary import HAZARDS

SAID = [
    ("llama-guard", "safe", set()),
    ("llama-guard", "\n\nsafe", set()),
    ("llama-guard", "unsafe\nS9", {"any", "iwp"}),
    ("llama-guard", "\n\nunsafe\nS1,S10", {"any", "vcr", "hte"}),
    ("llama-guard", "unsafe\nS13", {"any"}),
    ("llama-guard", "unsafe", {"any"}),
    ("llama-guard", "unsafe\nS99", {"any"}),
    ("qwen3guard", "Safety: Safe\nCategories: None", set()),
    ("qwen3guard", "Safety: Unsafe\nCategories: Violent, PII", {"any", "vcr", "prv"}),
    ("qwen3guard", "Safety: Controversial\nCategories: Unethical Acts", {"any"}),
    ("qwen3guard", "Safety: Unsafe\nCategories: Jailbreak", {"any", "x_inj"}),
    ("gpt-oss-safeguard", '{"violation": 0, "categories": []}', set()),
    ("gpt-oss-safeguard", '{"violation": 1, "categories": ["x_cyb"]}', {"any", "x_cyb"}),
    ("gpt-oss-safeguard", '{"violation": 1}', {"any"}),
]


@pytest.mark.parametrize(("speaks", "answer", "hazards"), SAID)
def test_an_answer_in_form(speaks, answer, hazards):
    assert read_opinion(speaks, answer) == hazards


@pytest.mark.parametrize("speaks", ["llama-guard", "qwen3guard", "gpt-oss-safeguard"])
@pytest.mark.parametrize(
    "answer",
    ["", "I cannot help with that.", "Safe, I think", "UNSAFE?", "[]", "{}", '{"violation": 2}', "[" * 5000, "null"],
)
def test_any_other_answer_is_no_opinion(speaks, answer):
    assert read_opinion(speaks, answer) is None


@given(st.sampled_from(["llama-guard", "qwen3guard", "gpt-oss-safeguard"]), st.text())
def test_reading_is_total(speaks, answer):
    found = read_opinion(speaks, answer)
    assert found is None or found <= set(HAZARDS)


@given(st.integers(0, 3 * MOST))
def test_every_character_is_asked_about(size):
    text = "".join(chr(97 + i % 26) for i in range(size))
    asked = questions(text)
    assert asked is not None
    assert asked[0] + "".join(one[OVERLAP:] for one in asked[1:]) == text
    assert max(map(len, asked)) <= MOST


def test_what_is_longer_than_it_may_be_asked_about_is_not_asked():
    assert questions("a" * MOST * (WINDOWS + 1)) is None


def test_a_model_that_takes_a_policy_is_given_ours():
    asked = json.loads(question("gpt-oss-safeguard", "m", "Hello."))
    assert asked["messages"][1] == {"role": "user", "content": "Hello."}
    assert all(f"{code}: " in asked["messages"][0]["content"] for code in HAZARDS if code != "any")
    assert len(json.loads(question("llama-guard", "m", "Hello."))["messages"]) == 1
