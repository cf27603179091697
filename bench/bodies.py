"""What a body costs to read, in milliseconds of processor time a megabyte: reading, recognizers, facts (the aim: under 50).

    python bench/bodies.py [--megabytes 2] [--rounds 3] [--json]

The rows are ordinary bodies and those that cost most for their size: very many short texts, names that are not in Unicode
normal form C, tool schemas, numbers, escapes.  The least of the rounds counts, each in a fresh object.
"""

import argparse
import gc
import json
import time
import unicodedata
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from caveat.errors import Unreadable
from caveat.recognize.markings import load_profile
from caveat.recognize.panel import default_panel
from caveat.wire.dialects import DIALECTS

PROSE = "The committee met on Tuesday and agreed the budget for the library in 2025. "
MODEL = "smollm2-135m"


def chat(*contents: object, **more: object) -> bytes:
    """A chat completion of one message for each content."""
    messages = [{"role": "user", "content": content} for content in contents]
    return json.dumps({"model": MODEL, "messages": messages, **more}, ensure_ascii=False).encode()


def many(size: int, one: Callable[[int], object]) -> list[object]:
    """Items of about that many bytes together."""
    each = len(json.dumps([one(i) for i in range(50)], ensure_ascii=False).encode()) / 50
    return [one(i) for i in range(int(size / each))]


def decomposed(i: int) -> str:
    return unicodedata.normalize("NFD", f"réponse à {i}")


CASES: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "one text of prose": lambda n: ("openai_chat", chat(PROSE * (n // len(PROSE)))),
    "texts of 600 characters": lambda n: ("openai_chat", chat(many(n, lambda i: _part(PROSE * 8 + str(i))))),
    "texts of 40 characters": lambda n: ("openai_chat", chat(many(n, lambda i: _part(f"{PROSE[:34]} {i}")))),
    "texts of 8 characters": lambda n: ("openai_chat", chat(many(n, lambda i: _part(f"w{i:07}")))),
    "messages of 8 characters": lambda n: ("openai_chat", chat(*many(n, lambda i: f"w{i:07}"))),
    "inputs of 8 characters": lambda n: (
        "openai_embeddings",
        json.dumps({"model": MODEL, "input": many(n, lambda i: f"w{i:07}")}).encode(),
    ),
    "metadata of 8 characters": lambda n: (
        "openai_chat",
        chat("hello", metadata={f"k{i:07}": f"w{i:07}" for i in range(n // 26)}),
    ),
    "names not in normal form C": lambda n: (
        "openai_chat",
        chat("hello", metadata={decomposed(i): PROSE[:20] for i in range(n // 40)}),
    ),
    "names of 60 marks, unordered": lambda n: (
        "openai_chat",
        chat("hello", metadata={f"a{chr(0x301) * 30}{chr(0x316) * 30}{i}": PROSE[:20] for i in range(n // 150)}),
    ),
    "names that are ideographs": lambda n: (
        "openai_chat",
        chat("hello", metadata={f"預算{i}": PROSE[:20] for i in range(n // 40)}),
    ),
    "tools with schemas": lambda n: ("openai_chat", chat("hello", tools=many(n, _tool))),
    "tool calls": lambda n: ("openai_chat", _called(n)),
}


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _tool(i: int) -> dict[str, object]:
    about = {"type": "string", "description": PROSE}
    parameters = {"type": "object", "properties": {f"field{k}": about for k in range(5)}, "required": ["field1"]}
    return {"type": "function", "function": {"name": f"tool{i}", "description": PROSE, "parameters": parameters}}


def _called(size: int) -> bytes:
    def one(i: int) -> dict[str, object]:
        return {
            "id": f"call{i}",
            "type": "function",
            "function": {"name": "look", "arguments": '{"q": "\\u0062udget"}'},
        }

    message = {"role": "assistant", "tool_calls": many(size, one)}
    return json.dumps({"model": MODEL, "messages": [message]}).encode()


def measure(name: str, size: int, rounds: int) -> dict[str, object]:
    dialect, body = CASES[name](size)
    panel = default_panel(load_profile("national"))
    reading, recognizing = [], []
    parts, refused = 0, ""
    for _ in range(rounds):
        began = time.process_time()
        try:
            call = DIALECTS[dialect].read_call(body)
            parts = len(call.parts)
        except Unreadable as error:
            call, refused = None, error.message
        read = time.process_time()
        if call is not None:
            panel.recognize(call.parts)
        reading.append(read - began)
        recognizing.append(time.process_time() - read)
    megabytes = len(body) / 1e6
    return {
        "body": name,
        "MB": round(megabytes, 2),
        "texts": parts,
        "reading": round(min(reading) * 1000 / megabytes, 1),
        "recognizers": round(min(recognizing) * 1000 / megabytes, 1),
        "ms/MB": round((min(reading) + min(recognizing)) * 1000 / megabytes, 1),
        "refused": refused,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)  # as the gateway has it
    rows = [measure(name, int(options.megabytes * 1e6), options.rounds) for name in CASES]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(*rows[0], box=None)
    for each in rows:
        table.add_row(*(str(value) for value in each.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
