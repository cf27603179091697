"""YAML that two readers could read differently is refused, with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caveat.errors import BadInput
from caveat.terms.source import path_of, read_source


def test_values_and_lines():
    source = read_source(
        b'# a comment\na: 1\nb:\n- true\n- "no"\n- no\n- |\n  two\n  lines\nc: {d: ~, e: -7, f: 1.5}\n'
    )
    assert source.value == {"a": 1, "b": [True, "no", "no", "two\nlines\n"], "c": {"d": None, "e": -7, "f": "1.5"}}
    assert source.line("b", 2) == 6
    assert source.line("c", "e") == 10
    assert source.line("c", "nowhere") == 10
    assert source.line("nowhere") == 2


REFUSED = {
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", 3, "`a` stands here a second time"),
    "nested duplicate key": (b"a:\n  b: 1\n  b: 2\n", 3, "`b` stands"),
    "duplicate in flow": (b"a: {b: 1, b: 2}\n", 1, "`b` stands"),
    "anchor": (b"x: 1\na: &b 1\n", 2, "anchors"),
    "alias": (b"x: 1\na: *b\n", 2, "anchors and aliases"),
    "anchor on a key": (b"&k a: 1\n", 1, "anchors"),
    "tag": (b"a: !!python/object:os.system x\n", 1, "the tag"),
    "tag on a mapping": (b"a: !x {}\n", 1, "the tag"),
    "second document": (b"a: 1\n---\nb: 2\n", 2, "second document"),
    "directive": (b"%YAML 1.1\n---\na: no\n", 2, "directives"),
    "key that is no word": (b"? [a]\n: 1\n", 1, "a word as a key"),
    "no YAML": (b"a: b: c\n", 1, "not YAML"),
    "tab": (b"x: 1\n\ta: 1\n", 2, "not YAML"),
    "control character": (b"x: 1\na: \x07\n", 2, "U+0007"),
    "bidirectional override": ("x: 1\na: \u202ereversed\n".encode(), 2, "U+202E"),
    "not UTF-8": (b"x: 1\na: \xff\n", 2, "UTF-8"),
    "carriage return alone": (b"a: 1\rb: 2\n", 1, "U+000D"),
    "too deep": (b"[" * 100, 1, "deeper"),
    "far too deep": (b"- " * 100_000, 1, "deeper"),
    "too many values": (b"- a\n" * 60_000, 50_000, "more than 50000 values"),
    "never closed": (b"a: [1, 2\n", 2, "not YAML"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    data, line, message = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        read_source(data)
    assert message in caught.value.message
    assert caught.value.message.startswith(f"line {line}: ")


def test_a_document_over_a_mebibyte_is_refused_unread():
    with pytest.raises(BadInput, match="at most 1048576"):
        read_source(b"a: " + b"x" * (1 << 20))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_source_or_a_sentence(data):
    """Nothing else ever leaves the reader."""
    try:
        read_source(data)
    except BadInput as error:
        assert error.message


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%?,\n ", max_size=60))
def test_any_yaml_shaped_text_gives_a_source_or_a_sentence(text):
    try:
        read_source(text.encode())
    except BadInput as error:
        assert error.message


def test_paths_as_msgspec_writes_them():
    assert path_of("`$.clauses[3].when`") == ("clauses", 3, "when")
    assert path_of("`$.thresholds[...]`") == ("thresholds",)
    assert path_of("") == ()
