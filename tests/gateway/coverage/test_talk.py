"""A talk means the same in every wire format: its words come back from the format's own reader, in the voice they had."""

import msgspec
import pytest

from caveat.gateway.coverage.cells import LETTERS, PLACES, REQUEST, cells
from caveat.gateway.coverage.talk import HELLO, WRITERS, Inexpressible, Talk, Unwritten, of_call, with_text, write
from caveat.talks.draft import read_draft
from caveat.terms.samples import sample_terms
from caveat.wire.dialects import DIALECTS

TEXT = 'Say "when", and\nthen stop.'
VOICES = {
    "system": "system",
    "user": "user",
    "history": "model",
    "definition": "definition",
    "arguments": "model",
    "result": "tool",
    "label": "field",
}


def read(dialect, talk, **more):
    return DIALECTS[dialect].read_call(msgspec.json.encode({**write(dialect, talk, "small"), **more}))


def test_every_dialect_of_the_build_has_a_writer():
    """One that has none would show red in every cell; this says so first."""
    assert set(WRITERS) == set(DIALECTS)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("place", [place for place in REQUEST if place != "call"])
def test_words_are_read_where_they_were_put(dialect, place):
    try:
        call = read(dialect, with_text(place, TEXT, "search_x"))
    except Inexpressible as why:
        assert dialect in ("openai_embeddings", "anthropic_count_tokens"), why
        return
    voices = {part.voice for part in call.parts if TEXT in part.text.replace("\\n", "\n").replace('\\"', '"')}
    assert voices == {VOICES[place]} if place in VOICES else voices <= {"field", "definition"}
    assert voices


@pytest.mark.parametrize("dialect", ["openai_responses", "anthropic_messages"])
def test_the_sample_terms_whole_calls_mean_the_same_elsewhere(dialect):
    """Tools keep their names, pictures stay unread parts, limits stay limits."""
    for clause in read_draft(sample_terms()).clauses:
        for probe in (clause.probe.trips, clause.probe.passes) if clause.probe else ():
            if isinstance(probe, str):
                continue
            own = DIALECTS["openai_chat"].read_call(msgspec.json.encode(probe))
            other = read(dialect, of_call(probe))
            assert [tool.name for tool in other.tools] == [tool.name for tool in own.tools]
            assert len(other.unread) == len(own.unread)
            assert other.max_output_tokens == own.max_output_tokens
            assert other.structured == own.structured


@pytest.mark.parametrize(
    "more", [{"stop": ["x"]}, {"functions": []}, {"messages": [{"role": "tool", "tool_call_id": "1", "content": "x"}]}]
)
def test_what_only_chat_completions_say_is_told(more):
    with pytest.raises(Inexpressible):
        of_call({"messages": [{"role": "user", "content": "Hello."}], **more})


def test_a_dialect_that_nobody_wrote_is_told():
    with pytest.raises(Unwritten, match="gopher"):
        write("gopher", Talk((HELLO,)), "small")


def test_cells_follow_from_what_the_dialects_can_do():
    made = cells(DIALECTS)
    assert len(set(made)) == len(made)
    assert len(set(LETTERS.values())) == len(PLACES)
    streams = {cell.dialect for cell in made if cell.stream}
    assert streams == {"openai_chat", "openai_responses", "anthropic_messages"}
    assert {cell.dialect for cell in made if cell.many} == {"openai_chat"}
