"""A reply leaves only as far as it was judged, and the outcome does not depend on how it was cut."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.making import ANYTHING, clause, facts, sample, terms

from caveat.decide.decide import decide
from caveat.decide.decision import Decision
from caveat.decide.guard import Guard
from caveat.decide.policy import Policy
from caveat.recognize.finding import Finding
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.recognize.window import LEAD
from caveat.terms.document import Terms
from caveat.waivers.waiver import Waiver
from caveat.wire.call import Voice

BANNER = "TOP SECRET//SI"
WORDS = re.compile("TOP SECRET//SI|hush|sk-[0-9]{6}|grim|odd")
CATEGORY = {
    "TOP SECRET//SI": ("marking.state", "STATE CLASSIFIED"),
    "hush": ("personal.name", ""),
    "grim": ("hte", ""),
    "odd": ("iwp", ""),
}


def recognize(text: str, voice: Voice, *, begins: bool, ends: bool) -> list[Finding]:
    """A small recognizer of exact forms, none longer than 14 characters."""
    assert voice == "model"
    found = []
    for match in WORDS.finditer(text):
        if (not begins and match.start() < LEAD) or (not ends and match.end() == len(text)):
            continue
        category, value = CATEGORY.get(match[0], ("secret.key", ""))
        score = 400 if category == "iwp" else 1000
        found.append(Finding(category, "", match.start(), match.end(), score, "test@1", value))
    return found


HORIZON = len(BANNER)
CLAUSES = (
    ANYTHING,
    clause("ceiling", "forbid", "context.labelRankOut > 4"),
    clause("secrets", "forbid", "context.secretsOut"),
    clause("hate", "hold", 'context.hazardsOut.contains(Hazard::"hte")'),
    clause("weapons", "forbid", 'context.hazardsOut.contains(Hazard::"iwp")'),
    clause("tools", "forbid", "context.unlistedCalls > 1"),
    clause("sending", "forbid", 'context.sideEffectOut == SideEffect::"irreversible" && context.secretsIn'),
    clause("people", "oblige", 'context.personalDataOut != Personal::"none"', duties=["review.human"]),
)


def policy(stride: int = 8, window: int = 16, **head: Any) -> Policy:
    return Policy(terms(*CLAUSES, guard={"stride": stride, "window": window}, **head))


POLICY = policy()


def guard(policy: Policy = POLICY, **more: Any) -> Guard:
    given_facts = facts(**more)
    decision = decide(policy, given_facts)
    assert decision.verdict == "allow"
    return Guard(policy, given_facts, decision, (), recognize, horizon=HORIZON)


Cut = Sequence[tuple[str, str]]


def run(pieces: Cut, policy: Policy = POLICY, ends: Sequence[str] = ()) -> tuple[Decision | None, dict[str, str]]:
    """What had left of each channel when the reply was stopped or over."""
    reader = guard(policy)
    said: dict[str, str] = {}
    for channel, text in pieces:
        reader.feed(channel, text)
        said[channel] = said.get(channel, "") + text
    for channel in ends or said:
        reader.end(channel)
    return reader.stopped, {channel: text[: reader.released(channel)] for channel, text in said.items()}


def test_a_harmless_reply_leaves_whole():
    text = "The harbour lies quiet, and nothing happens there. " * 5
    stopped, left = run([("0", text)])
    assert stopped is None
    assert left == {"0": text}


def test_characters_leave_while_the_model_writes():
    reader = guard()
    reader.feed("0", "x" * 64)
    assert reader.released("0") == 64 - HORIZON
    assert reader.released("1") == 0


def test_an_exact_form_never_leaves_in_part():
    """At whatever offset it stands, not even its first character has left when it is found."""
    for lead in (*range(40), *range(1000, 1020)):
        stopped, left = run([("0", "." * lead + BANNER + " and so on" * 5)])
        assert stopped is not None
        assert stopped.clauses == ("ceiling",)
        assert "T" not in left["0"]


def test_a_window_that_the_terms_set_too_short_is_widened_to_hold_an_exact_form():
    for lead in (*range(20), *range(700, 720)):
        stopped, left = run([("0", "." * lead + BANNER)], policy(stride=8, window=8))
        assert stopped is not None
        assert "T" not in left["0"]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.lists(st.sampled_from([BANNER, "hush ", "sk-123456", "grim", "abc ", "....", "é🙂"]), max_size=9))
def test_no_cut_changes_the_outcome(data, words):
    """Every way to split the text gives the same decision and lets the same characters out."""
    text = "".join(words)
    places = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    bounds = [0, *places, len(text)]
    pieces = [("0", text[a:b]) for a, b in pairwise(bounds)]
    assert run(pieces or [("0", "")]) == run([("0", text)])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_cut_of_several_channels_changes_the_outcome(data):
    """As long as the order of their words is the same."""
    whole = data.draw(
        st.lists(
            st.tuples(st.sampled_from("01"), st.sampled_from([BANNER, "grim", "hush", "abcdefghij", "....... "])),
            max_size=8,
        )
    )
    cut = []
    for channel, text in whole:
        place = data.draw(st.integers(0, len(text)))
        cut += [(channel, text[:place]), (channel, text[place:])]
    assert run(cut, ends="01") == run(whole, ends="01")


def test_byte_by_byte_is_the_same_too():
    text = "nothing here, nothing there, but then sk-123456 and more of it"
    assert run([("0", c) for c in text]) == run([("0", text)])


def test_what_one_channel_shows_stops_the_others():
    reader = guard()
    reader.feed("0", "harmless so far " * 4)
    left = reader.released("0")
    reader.feed("1", BANNER)
    reader.end("1")
    assert reader.stopped is not None
    reader.feed("0", "harmless still " * 4)
    reader.end("0")
    assert reader.released("0") == left
    assert reader.released("1") == 0


def test_what_is_found_in_two_windows_adds_up():
    """Facts of the reply only grow: a finding that has left the window still counts."""
    reader = guard()
    reader.feed("0", "odd" + "." * 200)
    reader.end("0")
    assert reader.stopped is None
    assert reader.facts.pm_out == {"iwp": 400}
    assert reader.facts.stage == "reply"


def kept(word, **options):
    reader = Guard(POLICY, facts(), decide(POLICY, facts()), (), recognize, horizon=HORIZON, **options)
    reader.feed("0", "." * 64)
    before = reader.released("0")
    reader.feed("0", word + "." * 200)
    return reader, before


def test_a_hold_in_the_reply_keeps_it_from_there_on_and_judging_goes_on():
    reader, before = kept("grim")
    assert (reader.stopped, reader.keeps, reader.decision.clauses) == (None, True, ("hate",))
    reader.finish()
    assert 0 < before <= reader.released("0") <= 64
    reader, _ = kept("grim")
    reader.feed("1", BANNER)
    reader.finish()
    assert reader.stopped is not None
    assert reader.stopped.clauses == ("ceiling",)
    assert not reader.keeps


def test_a_new_duty_that_cannot_be_met_any_more_stops_a_reply_that_has_begun():
    owed, _ = run([("0", "hush" + "." * 20)])
    assert owed is not None
    assert (owed.rule, [duty.name for duty in owed.duties]) == ("duty", ["review.human"])


def test_a_review_that_the_reply_brings_up_keeps_it():
    reader, before = kept("hush", late={"review.human"})
    reader.finish()
    assert (reader.stopped, reader.keeps, reader.decision.verdict) == (None, True, "allow")
    assert before <= reader.released("0") <= 64


def test_a_held_reply_with_a_duty_that_cannot_be_met_is_stopped():
    reader, _ = kept("grim hush")
    assert reader.stopped is not None
    assert reader.stopped.rule == "duty"


def test_a_new_duty_that_can_still_be_met_does_not_stop_it():
    given_facts = facts()
    decision = decide(POLICY, given_facts)
    reader = Guard(POLICY, given_facts, decision, (), recognize, horizon=HORIZON, late={"review.human"})
    reader.feed("0", "hush" + "." * 20)
    reader.end("0")
    assert reader.stopped is None
    assert [duty.name for duty in reader.decision.duties] == ["review.human"]


def test_a_tool_call_leaves_only_when_it_is_complete():
    reader = guard()
    reader.feed("tool", '{"query": "', tool="search_web")
    reader.feed("tool", "harbour" * 20 + '"}', tool="search_web")
    assert reader.released("tool") == 0
    reader.end("tool")
    assert reader.released("tool") == 11 + 140 + 2
    assert reader.facts.tools_called == ("retrieval",)


@pytest.mark.parametrize("cut", [1, 5, 400])
def test_what_escapes_hide_in_arguments_is_judged_before_they_leave(cut):
    """A tool undoes the escapes of its arguments; so does the guard, over the whole of them."""
    hidden = "".join(f"\\u{ord(one):04x}" for one in BANNER)
    arguments = f'{{"q": "{"x" * 300}{hidden}"}}'
    reader = guard()
    for at in range(0, len(arguments), cut):
        reader.feed("0/tool/0", arguments[at : at + cut], tool="look")
    assert not reader.stopped
    reader.end("0/tool/0")
    assert reader.decision.clauses == ("ceiling",)
    assert reader.stopped
    assert reader.released("0/tool/0") == 0


def test_escapes_in_a_text_for_people_are_what_they_are():
    """Only a tool undoes them."""
    hidden = "".join(f"\\u{ord(one):04x}" for one in BANNER)
    assert run([("0/content", hidden)])[0] is None


def test_a_harmless_call_with_escapes_leaves_whole():
    reader = guard()
    reader.feed("0/tool/0", '{"q": "caf\\u00e9\\n"}', tool="look")
    reader.finish()
    assert reader.stopped is None
    assert reader.released("0/tool/0") == len('{"q": "caf\\u00e9\\n"}')


def test_tools_are_counted_by_the_terms_list():
    reader = guard()
    for channel in ("a", "b"):
        reader.feed(channel, "{}", tool="rm_rf")
        assert reader.stopped is None
        reader.end(channel)
    assert reader.facts.unlisted_calls == 2
    assert reader.stopped is not None
    assert reader.stopped.clauses == ("tools",)
    assert reader.released("b") == 0


def test_a_call_without_arguments_is_judged_all_the_same():
    reader = guard(secrets_in=True)
    reader.feed("a", "", tool="send_message")
    reader.end("a")
    assert reader.stopped is not None
    assert reader.stopped.clauses == ("sending",)


def test_words_after_the_end_of_a_channel_are_judged_before_they_leave():
    reader = guard()
    reader.feed("0", "all is well")
    reader.end("0")
    reader.feed("0", " " + BANNER)
    assert reader.released("0") == 11
    reader.end("0")
    assert reader.stopped is not None
    assert reader.released("0") == 11


SECRETS = Policy(terms(ANYTHING, clause("secrets", "forbid", "context.secretsIn || context.secretsOut", waivable=True)))
WAIVER = Waiver("w-1", ("secrets",), (), (), (), "r", 0, 2**52, 1, "x", ("a", "b"), "")


def waived(*waivers, **given):
    given_facts = facts(**given)
    decision = decide(SECRETS, given_facts, waivers)
    return Guard(SECRETS, given_facts, decision, waivers, recognize, horizon=HORIZON)


def test_a_waiver_that_the_request_used_lifts_in_the_reply():
    reader = waived(WAIVER, secrets_in=True)
    reader.feed("0", "sk-123456")
    reader.end("0")
    assert reader.stopped is None
    assert (reader.spends, reader.released("0")) == ((), 9)


def test_a_waiver_that_only_the_reply_needs_is_named_and_nothing_leaves_before_it_is_spent():
    """Else a use would be made that nothing counts."""
    reader = waived(WAIVER)
    reader.feed("0", "sk-123456")
    reader.finish()
    assert (reader.stopped, reader.spends, reader.waits, reader.keeps) == (None, (WAIVER,), True, False)
    assert reader.released("0") == 0
    assert reader.decision.waived == (("secrets", "w-1"),)


def test_without_the_waiver_that_is_gone_the_reply_is_judged_anew():
    reader = waived(WAIVER)
    reader.feed("0", "sk-123456")
    reader.finish()
    reader.without("w-1")
    assert reader.stopped is not None
    assert reader.stopped.clauses == ("secrets",)
    assert (reader.spends, reader.waits) == ((), False)


def test_of_two_waivers_the_other_steps_in():
    other = msgspec.structs.replace(WAIVER, id="w-2")
    reader = waived(WAIVER, other)
    reader.feed("0", "sk-123456")
    reader.finish()
    reader.without("w-1")
    assert (reader.stopped, reader.spends) == (None, (other,))


def test_a_reply_that_needs_no_waiver_spends_none():
    reader = waived(WAIVER)
    reader.feed("0", "all is well")
    reader.finish()
    assert (reader.spends, reader.waits, reader.released("0")) == ((), False, 11)


def test_a_reply_without_words_is_judged_at_its_end():
    staged = Policy(terms(ANYTHING, clause("mute", "forbid", 'context.stage == Stage::"reply"')))
    given_facts = facts()
    reader = Guard(staged, given_facts, decide(staged, given_facts), (), recognize, horizon=HORIZON)
    assert reader.stopped is None
    reader.finish()
    assert reader.stopped is not None


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 16, 4096])
def test_the_recognizer_sees_windows_of_the_agreed_size_at_the_agreed_offsets(length):
    seen: list[tuple[str, bool, bool]] = []

    def watch(text: str, voice: Voice, *, begins: bool, ends: bool) -> list[Finding]:
        seen.append((text, begins, ends))
        return []

    wide = policy(stride=8, window=512)
    given_facts = facts()
    reader = Guard(wide, given_facts, decide(wide, given_facts), (), watch, horizon=HORIZON)
    text = "".join(chr(0x4E00 + n % 5000) for n in range(length))
    reader.feed("0", text)
    reader.end("0")
    ends = [(end, False) for end in range(8, length + 1, 8)] + ([(length, True)] if length else [])
    assert seen == [(text[max(0, end - 512) : end], end <= 512, last) for end, last in ends]


@pytest.mark.parametrize("lead", [0, 1, 255, 256, 700, 1023, 1793, 2300])
@pytest.mark.parametrize("cut", [1, 7, 256, 100_000])
def test_with_the_recognizers_that_ship_no_part_of_a_key_or_banner_leaves(lead, cut):
    """Wherever it stands and however the provider cuts: the sample terms, the real panel."""
    made = Policy(Terms(sample(), "", ()))
    panel = default_panel(load_profile("civil"))
    given_facts = facts(model="smollm2-135m")
    prose = ("The harbour lies quiet, and the boats are in. " * 60)[:lead]
    for hidden, id_ in (
        ("AKIA" + "Q4ZK7RWXN2T5VBHJ", "secrets.kept"),
        ("\nTOP SECRET//SI//NOFORN\n", "marking.ceiling"),
    ):
        reader = Guard(made, given_facts, decide(made, given_facts), (), panel.recognize_text, horizon=panel.horizon)
        text = prose + " " + hidden + " and that is all. " * 40
        for start in range(0, len(text), cut):
            reader.feed("0", text[start : start + cut])
        reader.end("0")
        assert reader.stopped is not None
        assert reader.stopped.clauses == (id_,)
        assert reader.released("0") <= lead + 1
