"""Rewriting one value leaves every other byte as it came."""

import json

from hypothesis import given
from hypothesis import strategies as st

from caveat.wire.span import Edit, appended, at_most, edited, items, member, members, value, with_member

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SPACE = st.text(" \t\r\n", max_size=2)


@st.composite
def pieces(draw):
    """A body in three pieces: before the model's value, that value, after it; any spacing, any escapes."""
    wide = draw(st.booleans())
    others = draw(st.dictionaries(st.text(max_size=6).filter(lambda name: name != "model"), JSON, max_size=4))
    written = [
        (json.dumps(name, ensure_ascii=wide), json.dumps(item, ensure_ascii=wide)) for name, item in others.items()
    ]
    place = draw(st.integers(0, len(written)))
    name = draw(st.sampled_from(['"model"', '"\\u006dodel"']))
    model = json.dumps(draw(st.text(max_size=8)), ensure_ascii=wide)
    written.insert(place, (name, model))
    out = ["{", "", ""]
    for number, (key, item) in enumerate(written):
        part = 0 if number <= place else 2
        out[part] += ("," if number else "") + draw(SPACE) + key + draw(SPACE) + ":" + draw(SPACE)
        out[1 if number == place else part] += item
        out[2 if number >= place else 0] += draw(SPACE)
    return out[0], out[1], out[2] + "}" + draw(SPACE)


@given(pieces(), st.text(max_size=10))
def test_with_member_changes_only_that_value(body, model):
    before, old, after = body
    changed = with_member((before + old + after).encode(), "model", model)
    assert changed.startswith(before.encode())
    assert changed.endswith(after.encode())
    new = changed[len(before.encode()) : len(changed) - len(after.encode())]
    assert json.loads(new) == model
    assert len(changed) == len(before.encode()) + len(new) + len(after.encode())


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=5), st.booleans(), st.sampled_from([None, 1]))
def test_members_and_items_find_every_value(thing, wide, indent):
    text = json.dumps(thing, ensure_ascii=wide, indent=indent)
    assert {name: json.loads(text[start:end]) for name, start, end in members(text)} == thing
    inside = json.dumps({"x": list(thing.values())}, ensure_ascii=wide, indent=indent)
    span = member(inside, "x")
    assert span
    assert value(inside, span) == list(thing.values())
    assert [json.loads(inside[start:end]) for start, end in items(inside, span[0])] == list(thing.values())


@given(st.text(), st.text())
def test_appended_adds_to_a_string_and_keeps_its_own_spelling(old, new):
    text = json.dumps({"a": 1, "t": old})
    span = member(text, "t")
    assert span
    changed = edited(text, [appended(span, new)])
    assert json.loads(changed) == {"a": 1, "t": old + new}
    assert changed.decode().startswith(text[: span[1] - 1])


def test_edits_may_come_in_any_order():
    assert edited("abcdef", [Edit(4, 5, "Y"), Edit(1, 2, "X"), Edit(6, 6, "!")]) == b"aXcdYf!"


def test_a_member_that_is_not_there_is_none():
    assert member('{"a": {"b": 1}}', "b") is None


NAMES = ("max_tokens", "max_completion_tokens")
LIMITS = {
    "over": (b'{"max_tokens": 900, "x":[1]}', b'{"max_tokens": 64, "x":[1]}'),
    "under": (b'{"max_tokens": 9 }', b'{"max_tokens": 9 }'),
    "equal": (b'{"max_tokens":64}', b'{"max_tokens":64}'),
    "zero": (b'{"max_tokens":0}', b'{"max_tokens":0}'),
    "null": (b'{"max_tokens":null}', b'{"max_tokens":64}'),
    "negative means none": (b'{"max_tokens":-1}', b'{"max_tokens":64}'),
    "both, one over": (
        b'{"max_completion_tokens":900,"max_tokens":9}',
        b'{"max_completion_tokens":64,"max_tokens":9}',
    ),
    "absent": (b'{ "x":1}', b'{"max_tokens":64, "x":1}'),
    "absent in an empty object": (b"{ }", b'{"max_tokens":64 }'),
    "a nested one does not count": (b'{"x":{"max_tokens":9}}', b'{"max_tokens":64,"x":{"max_tokens":9}}'),
}


def test_at_most_lowers_and_never_raises():
    for case, (body, wanted) in LIMITS.items():
        assert at_most(body, NAMES, "max_tokens", 64) == wanted, case
