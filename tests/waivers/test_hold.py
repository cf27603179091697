"""An approval releases one body of one caller, once, after as many persons as the clause wants."""

from typing import Any

import msgspec
import pytest
from tests.waivers.persons import APPROVERS, DAY, NOW, TERMS, agreed, approver, ask, key

from caveat.errors import NotVerified
from caveat.waivers.hold import Ask, approve, body_name, make_ask, open_approval, read_ask


def signed(one: Ask, *persons):
    raw = make_ask(one)
    for person in persons:
        raw = approve(raw, key(person))
    return raw


def opened(raw, *, approvers=APPROVERS, terms=(TERMS,), at_ms=NOW):
    return open_approval(raw, approvers, terms, at_ms)


def test_one_person_releases_what_the_clause_holds():
    approval = opened(signed(ask(), "anna"))
    assert (approval.kind, approval.max_uses, approval.callers, approval.body) == (
        "approval",
        1,
        ("dora",),
        ask().body,
    )
    assert approval.id == ask().hold


def test_equal_asks_are_equal_bytes_so_signatures_made_apart_add_up():
    assert make_ask(ask()) == make_ask(ask())


REFUSED: dict[str, Any] = {
    "nobody": ((), {}, {}, "wants 1 approvers who are not its caller, and has 0"),
    "a stranger": (("zoe",), {}, {}, "and has 0"),
    "one where the clause wants two": (("anna",), {"clauses": ("wait.long",)}, {}, "wants 2 .* and has 1"),
    "its caller": (("anna",), {"caller": "anna"}, {}, "and has 0"),
    "its caller in capitals": (("anna",), {"caller": "Anna"}, {}, "and has 0"),
    "too late": (("anna",), {}, {"at_ms": NOW + DAY}, "has lapsed"),
    "other terms": (("anna",), {}, {"terms": (agreed(version=2),)}, "no longer in force"),
    "a clause that forbids": (("anna",), {"clauses": ("no.secrets",)}, {}, "a clause that holds nothing"),
    "no such clause": (("anna",), {"clauses": ("wait", "nope")}, {}, "a clause that holds nothing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_released(name):
    persons, changes, given, says = REFUSED[name]
    with pytest.raises(NotVerified, match=says):
        opened(signed(ask(**changes), *persons), **given)


def test_two_keys_of_one_person_count_once():
    both = (*APPROVERS, approver("anna", number=1))
    raw = approve(signed(ask(clauses=("wait.long",)), "anna"), key("anna", 1))
    with pytest.raises(NotVerified, match="and has 1"):
        opened(raw, approvers=both)
    assert opened(approve(raw, key("ben")), approvers=both).approvers == ("anna", "ben")


def test_an_approval_of_one_body_is_none_of_another():
    first, second = (msgspec.json.decode(signed(ask(body="sha256:" + d * 64), "anna")) for d in "01")
    with pytest.raises(NotVerified, match="does not hold"):
        opened(msgspec.json.encode({**first, "payload": second["payload"]}))


def test_a_body_is_named_under_its_salt_alone():
    plain = ("openai_chat", b"text", b"1" * 32)
    others = [("anthropic_messages", b"text", b"1" * 32), ("openai_chat", b"text ", b"1" * 32)]
    others.append(("openai_chat", b"text", b"2" * 32))
    assert body_name(*plain) not in [body_name(*other) for other in others]
    assert body_name(*plain) == body_name(*plain)


def test_what_is_shown_is_what_is_signed():
    assert read_ask(signed(ask(), "anna"))[0] == ask()
