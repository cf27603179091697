"""A call's facts: one setter each, headers that only tighten, and nothing that was found is dropped."""

from typing import Any

import pytest
from tests.making import ANYTHING, clause, draft, facts

from caveat.errors import BadInput, Refused
from caveat.facts import Caller, Declared, Facts, Place, gather, with_reply
from caveat.recognize.finding import Finding
from caveat.terms.document import Draft
from caveat.wire.call import Call, Part, Tool

DRAFT = draft(
    ANYTHING,
    clause("shapes", "permit", "context.structured", fields=["/response_format", "/messages/*/metadata", "/*/deep/x"]),
    caveats=("NOFORN", "DRAFT"),
)
PLACE = Place(1_790_000_000_999, "endpoint:sha256:ab+small")
ALICE = Caller("alice", purpose="drafting")


def call(*texts: str, **more: Any) -> Call:
    plain: dict[str, Any] = {
        "dialect": "openai_chat",
        "operation": "chat",
        "model": "small",
        "parts": tuple(Part(f"/messages/{n}/content", "user", text) for n, text in enumerate(texts)),
        "tools": (),
        "streams": False,
        "choices": 1,
        "max_output_tokens": None,
        "unlisted": (),
        "unread": (),
        "structured": False,
        "body": b"{}",
    }
    return Call(**{**plain, **more})


def found(category: str, per_mille: int = 1000, value: str = "", at: str = "/messages/0/content") -> Finding:
    return Finding(category, at, 0, 1, per_mille, "test@1", value)


def gathered(
    *findings: Finding,
    call: Call = call("hello"),  # noqa: B008
    caller: Caller = ALICE,
    declared: Declared = Declared(),  # noqa: B008
    draft: Draft = DRAFT,
    place: Place = PLACE,
) -> Facts:
    return gather(call, caller, declared, findings, draft, place)


def test_an_ordinary_call():
    assert gathered() == facts(chars_in=5)


def test_what_is_read_off_the_call():
    parts = (Part("/a", "user", "12345"), Part("/b", "user", "", "image"), Part("/c", "system", "123"))
    seen = gathered(
        call=call(parts=parts, streams=True, choices=3, max_output_tokens=64, structured=True, operation="embeddings")
    )
    assert (seen.streaming, seen.choices, seen.tokens_out_max, seen.structured) == (True, 3, 64, True)
    assert (seen.chars_in, seen.modalities, seen.operation) == (8, ("image", "text"), "embeddings")


def test_what_the_key_fixes():
    caller = Caller(
        "bob",
        kind="agent",
        purpose="analysis",
        clearance_rank=4,
        output_use="public",
        effect="affects-person",
        regulated_area="justice",
        oversight="dual-review",
    )
    seen = gathered(caller=caller)
    assert (seen.caller, seen.caller_kind, seen.clearance_rank, seen.purpose) == ("bob", "agent", 4, "analysis")
    assert (seen.output_use, seen.effect, seen.regulated_area, seen.oversight) == (
        "public",
        "affects-person",
        "justice",
        "dual-review",
    )


def test_where_and_when():
    seen = gathered(place=Place(5_999, "weights:sha256:00", "enclave", "degraded", detector="learned"))
    assert (seen.epoch, seen.model_kind, seen.network, seen.posture, seen.detector) == (
        5,
        "weights",
        "enclave",
        "degraded",
        "learned",
    )


# --- headers only tighten ---


def test_a_header_chooses_among_the_keys_purposes():
    caller = Caller("a", purposes=("drafting", "analysis"), purpose="drafting")
    assert gathered(caller=caller, declared=Declared(purpose="analysis")).purpose == "analysis"
    assert gathered(caller=caller).purpose == "drafting"
    assert gathered(declared=Declared(case="K-12")).case_given is True
    assert gathered(declared=Declared(case="  ")).case_given is False


REFUSED = {
    "a purpose that the terms do not have": (ALICE, Declared(purpose="espionage"), "is not a purpose of the terms"),
    "a purpose that the key does not have": (
        Caller("a", purposes=("drafting",), purpose="drafting"),
        Declared(purpose="analysis"),
        "this key is not for the purpose `analysis`",
    ),
    "no purpose at all": (Caller("a"), Declared(), "the call has no purpose"),
    "a key for a purpose that these terms do not have": (Caller("a", purpose="code"), Declared(), "not a purpose"),
    "a marking that does not exist": (ALICE, Declared(marking="ULTRA VIOLET"), "expected a level"),
    "a caveat that does not exist": (ALICE, Declared(marking="INTERNAL//BUTTERFLY"), "expected a caveat"),
    "a key's marking that does not exist": (Caller("a", purpose="drafting", marking="x"), Declared(), "a level"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_word_outside_the_lists_is_refused(name):
    caller, declared, message = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        gathered(caller=caller, declared=declared)
    assert message in caught.value.message


MARKINGS = {
    "none": ("", "", "", (), 0, "floor"),
    "the network's floor": ("INTERNAL", "", "", (), 2, "floor"),
    "the key's": ("INTERNAL", "CONFIDENTIAL", "", (), 4, "key"),
    "the declared": ("", "INTERNAL", "RESTRICTED", (), 8, "declared"),
    "a declared lower one loosens nothing": ("", "CONFIDENTIAL", "PUBLIC", (), 4, "key"),
    "the detected": ("", "INTERNAL", "INTERNAL", ("STATE CLASSIFIED",), 15, "detected"),
    "a detected lower one loosens nothing": ("CONFIDENTIAL", "", "", ("PUBLIC",), 4, "floor"),
    "the highest of several detected": ("", "", "", ("INTERNAL", "CONFIDENTIAL"), 4, "detected"),
}


@pytest.mark.parametrize("name", MARKINGS)
def test_the_marking_is_the_highest_of_all(name):
    floor, key, header, detected, rank, source = MARKINGS[name]
    seen = gathered(
        *[found(f"marking.{value.lower()}", value=value) for value in detected],
        caller=Caller("a", purpose="drafting", marking=key),
        declared=Declared(marking=header),
        place=Place(0, "endpoint:x", marking_floor=floor),
    )
    assert (seen.label_rank, seen.label_source) == (rank, source)


def test_caveats_of_all_markings_come_together():
    seen = gathered(found("marking.internal", value="INTERNAL//DRAFT"), declared=Declared(marking="INTERNAL//NOFORN"))
    assert seen.caveats == ("DRAFT", "NOFORN")


# --- findings ---


def test_hazards_are_scored_and_counted_from_the_terms_threshold_on():
    seen = gathered(found("x_inj", 300), found("hte", 499), found("hte", 120), found("iwp", 0))
    assert seen.pm == {"hte": 499, "x_inj": 300}
    assert seen.hazards_in == ("x_inj",)
    assert seen.hazard_permille == 499
    assert gathered(found("x_inj", 299)).hazards_in == ()


def test_who_said_it_is_kept():
    parts = (Part("/a", "user", "x"), Part("/b", "definition", "y"))
    seen = gathered(
        found("x_inj", 400, at="/b"), found("x_inj", 100, at="/a"), found("hte", 900, at="/a"), call=call(parts=parts)
    )
    assert seen.voiced_in == ("definition:x_inj", "user:hte")


def test_other_findings_each_set_their_fact():
    seen = gathered(found("secret.key"), found("personal.email"), found("hidden.bidi"), found("language.uncovered"))
    assert (seen.secrets_in, seen.personal_data, seen.hidden_text, seen.language_uncovered) == (
        True,
        "personal",
        ("bidi",),
        True,
    )
    assert gathered(found("personal.gb-nhs"), found("personal.email")).personal_data == "special-category"


@pytest.mark.parametrize("category", ["x_unheard", "hidden.elsewhere", "weather.rain", ""])
def test_a_finding_that_no_fact_holds_is_never_dropped(category):
    with pytest.raises(ValueError, match="no fact holds the category"):
        gathered(found(category))


# --- fields, parts, tools, models ---

POINTERS = {
    "listed": ("/response_format", ("/response_format",), 0),
    "within what is listed": ("/response_format/json_schema", ("/response_format",), 0),
    "any one step": ("/messages/7/metadata", ("/messages/*/metadata",), 0),
    "two steps are not one": ("/messages/7/8/metadata", (), 1),
    "what holds a listed one": ("/messages/7", (), 1),
    "a longer name": ("/response_formats", (), 1),
    "a star at the start": ("/tools/deep/x/y", ("/*/deep/x",), 0),
    "unlisted": ("/grammar", (), 1),
}


@pytest.mark.parametrize("name", POINTERS)
def test_fields_that_a_clause_lists_and_those_that_none_does(name):
    pointer, fields, unknown = POINTERS[name]
    seen = gathered(call=call("hi", unlisted=(pointer,)))
    assert (seen.fields, seen.unknown_fields) == (fields, unknown)
    unread = gathered(call=call("hi", unread=(pointer,)))
    assert (unread.fields, unread.unread_parts, unread.unknown_fields) == (fields, unknown, 0)


def test_tools_are_what_the_terms_say_they_are():
    tools = tuple(
        Tool(name, "/tools/0") for name in ("search_web", "search_", "research_x", "send_message", "Send_message")
    )
    seen = gathered(call=call("hi", tools=tools))
    assert seen.tools == ("message", "retrieval", "unlisted")
    assert (seen.unlisted_tools, seen.side_effect) == (2, "irreversible")
    assert gathered(call=call("hi", tools=tools[:2])).side_effect == "read"
    assert gathered().side_effect == "none"


def test_a_tool_name_is_a_name_and_no_pattern():
    dotted = draft(ANYTHING, tools=[{"name": "a.b*", "kind": "compute", "side_effect": "none"}])
    names = ("a.b", "a.b\nx", "axb")
    assert [gathered(call=call(tools=(Tool(n, ""),)), draft=dotted).unlisted_tools for n in names] == [0, 0, 1]


def test_a_model_that_the_terms_do_not_cover_is_refused():
    with pytest.raises(Refused) as caught:
        gathered(call=call("hi", model="other"))
    assert caught.value.code == "terms_missing"


def test_a_model_that_is_not_the_one_that_was_agreed_is_refused():
    identity = "weights:sha256:" + "a" * 64
    pinned = draft(ANYTHING, models=[{"alias": "small", "identity": identity}])
    assert gathered(draft=pinned, place=Place(0, identity)).model_kind == "weights"
    with pytest.raises(Refused) as caught:
        gathered(draft=pinned, place=Place(0, "weights:sha256:" + "b" * 64))
    assert (caught.value.code, caught.value.status) == ("terms_missing", 503)


# --- the reply ---


def test_reply_facts_only_grow():
    first = with_reply(facts(), [found("x_sur", 600), found("marking.internal", value="INTERNAL")], [], DRAFT)
    assert (first.stage, first.hazards_out, first.pm_out, first.label_rank_out) == (
        "reply",
        ("x_sur",),
        {"x_sur": 600},
        2,
    )
    second = with_reply(
        first, [found("x_sur", 100), found("secret.key"), found("personal.email")], ["send_message"], DRAFT
    )
    assert second.pm_out == {"x_sur": 600}
    assert (second.secrets_out, second.personal_data_out, second.label_rank_out) == (True, "personal", 2)
    assert (second.tools_called, second.side_effect_out, second.unlisted_calls) == (("message",), "irreversible", 0)
    third = with_reply(second, [found("marking.public", value="PUBLIC")], ["send_message", "x", "x"], DRAFT)
    assert (third.label_rank_out, third.unlisted_calls, third.secrets_out) == (2, 2, True)


def test_nothing_new_is_the_same_object():
    reply = with_reply(facts(), [], [], DRAFT)
    assert reply == facts(stage="reply")
    assert with_reply(reply, [], [], DRAFT) is reply
    seen = with_reply(reply, [found("hte", 10)], ["search_a"], DRAFT)
    assert with_reply(seen, [found("hte", 10)], ["search_a"], DRAFT) is seen


def test_the_request_is_left_as_it_was():
    before = facts(pm={"hte": 5}, hazards_in=("iwp",))
    after = with_reply(before, [found("x_inf", 999)], [], DRAFT)
    assert (after.pm, after.hazards_in, after.hazard_permille) == (before.pm, before.hazards_in, before.hazard_permille)
