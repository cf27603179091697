"""Replies as bytes: cut, framed and taken as the script says."""

import pytest

from caveat.gateway.scripted.answers import Asked
from caveat.gateway.scripted.script import Answer, Reply, Rule, Script, always
from caveat.gateway.scripted.stage import Stage, framed, head

FRAMED = {
    "whole": (Reply(text="abcdef"), [b"abcdef"]),
    "cut": (Reply(text="abcdef", cuts=(4, 1)), [b"a", b"bcd", b"ef"]),
    "cut beyond its end": (Reply(text="abc", cuts=(2, 9)), [b"ab", b"c"]),
    "cut in pieces": (Reply(text="abcdef", every=4), [b"abcd", b"ef"]),
    "taken": (Reply(text="abcdef", every=2, take=3), [b"ab", b"c"]),
    "taken nothing": (Reply(text="abcdef", take=0), []),
    "chunked": (Reply(text="ab", framing="chunked"), [b"2\r\nab\r\n", b"0\r\n\r\n"]),
    "chunked without its end": (Reply(text="ab", framing="chunked", end="drop"), [b"2\r\nab\r\n"]),
}


@pytest.mark.parametrize("case", FRAMED)
def test_body_is_cut_and_framed(case):
    reply, wanted = FRAMED[case]
    assert framed(reply, "/", None) == wanted


def test_length_is_told_of_the_whole_body_even_where_less_is_sent():
    assert b"content-length: 6\r\n" in head(Reply(text="abcdef", take=2, end="drop"), "/", None)


def test_plain_reply_is_made_once_for_each_way_of_asking():
    stage = Stage(always(Reply(answer=Answer("Hi"))))
    found = stage.reply("/v1/messages", {}, b"{}")
    assert found is not None
    number, reply = found
    whole = stage.plain(number, reply, "/v1/messages", Asked())
    assert stage.plain(number, reply, "/v1/messages", Asked()) is whole
    assert stage.plain(number, reply, "/v1/messages", Asked(stream=True)) != whole


def test_rule_is_used_up_after_its_times_and_fresh_in_a_new_play():
    script = Script((Rule(Reply(text="once"), times=1),))
    stage = Stage(script)
    assert stage.reply("/", {}, b"") == (0, Reply(text="once"))
    assert stage.reply("/", {}, b"") is None
    stage.play(script)
    assert stage.reply("/", {}, b"") is not None
