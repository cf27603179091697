"""One target of the coverage-guided fuzzer, as a process of its own (libFuzzer ends it with _exit):

    python tests/wire/fuzz_target.py TARGET [libFuzzer's own arguments: corpora, -max_total_time=SECONDS ...]

A target that raises anything but the house's own errors ends the process with what it was given.  To keep what a long
run has found: `... TARGET -merge=1 tests/corpus/TARGET NEW_FOLDER`.
"""

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["caveat.wire"], enable_loader_override=False):
    from caveat.errors import CaveatError
    from caveat.wire.dialects import DIALECTS
    from caveat.wire.reply import Halt
    from caveat.wire.sse import Events

HALT = Halt("terms_denied", "no", "x.y")


def calls(name: str) -> Callable[[bytes], None]:
    """The request reader of a dialect: what it reads can be amended and read again."""
    dialect = DIALECTS[name]

    def one(data: bytes) -> None:
        call = dialect.read_call(data)
        assert call.body == data
        assert dialect.read_call(dialect.with_model(data, "z")).model == "z"
        assert dialect.read_call(dialect.with_limit(data, 3)).parts == call.parts

    return one


def replies(name: str) -> Callable[[bytes], None]:
    """The reply readers and the writer of a dialect: the first byte says where the stream is cut."""
    dialect = DIALECTS[name]

    def one(data: bytes) -> None:
        reader, writer = dialect.reader(), dialect.writer()
        cut = data[0] if data else 0
        try:
            for piece in (data[1 : cut + 1], data[cut + 1 :]):
                for frame in reader.feed(piece):
                    writer.leaving(frame)
                    writer.saw(frame)
            reader.finish()
        finally:
            assert writer.stop(HALT)

    return one


def events(data: bytes) -> None:
    """The event decoder: no cut changes what comes out, and the blocks are the stream."""
    whole, cut = Events(4096), Events(4096)
    found = [*whole.feed(data), *whole.finish()]
    again = [event for at in range(len(data)) for event in cut.feed(data[at : at + 1])]
    again += cut.finish()
    assert found == again
    assert b"".join(event.raw for event in found) == data


STREAMED = ("openai_chat", "openai_responses", "anthropic_messages")
TARGETS: dict[str, Callable[[bytes], None]] = {
    "events": events,
    **{f"{name}.call": calls(name) for name in DIALECTS},
    **{f"{name}.reply": replies(name) for name in STREAMED},
}


def main() -> None:
    target = TARGETS[sys.argv[1]]

    def one(data: bytes) -> None:
        try:
            target(data)
        except CaveatError:
            return

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
