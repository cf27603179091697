"""Figures: what each engine says, whole or in a stream cut anywhere."""

import pytest

from caveat.seal.counters import read_counters
from caveat.seal.figures import Figures

LLAMA = b'data: {"choices":[],"usage":{"prompt_tokens":40,"completion_tokens":9},"timings":{"prompt_n":31,"predicted_n":8}}\n\n'
STREAMS = [
    (
        "OpenAI with usage",
        b'data: {"usage":null}\n\ndata: {"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n',
        (3, 4),
    ),
    ("OpenAI without", b'data: {"choices":[]}\n\ndata: [DONE]\n\n', (None, None)),
    ("llama.cpp, its cache left out", LLAMA, (31, 8)),
    ("Responses", b'event: x\ndata: {"response":{"usage":{"input_tokens":5,"output_tokens":6}}}\n\n', (5, 6)),
    (
        "Anthropic, the last counts",
        b'data: {"message":{"usage":{"input_tokens":7,"output_tokens":1}}}\n\ndata: {"usage":{"output_tokens":9}}\r\n\r\n',
        (7, 9),
    ),
    ("no object", b'data: ["usage"]\n\ndata: {"usage":[]}\n\n', (None, None)),
    ("no numbers", b'data: {"usage":{"prompt_tokens":"3","completion_tokens":-1}}\n\n', (None, None)),
    ("words in the text", b'data: {"text":"\\"usage\\": 3"}\n\n', (None, None)),
]


@pytest.mark.parametrize(("case", "stream", "figures"), STREAMS)
def test_a_stream_says_the_same_however_it_is_cut(case, stream, figures):
    for cut in range(len(stream) + 1):
        reading = Figures(streams=True)
        reading.feed(stream[:cut])
        reading.feed(stream[cut:])
        reading.finish()
        assert (reading.tokens_in, reading.tokens_out) == figures


@pytest.mark.parametrize(
    ("case", "body", "figures"),
    [
        ("OpenAI", b'{"usage":{"prompt_tokens":3,"completion_tokens":4}}', (3, 4)),
        ("embeddings", b'{"usage":{"prompt_tokens":3,"total_tokens":3}}', (3, None)),
        ("llama.cpp", LLAMA[6:], (31, 8)),
        ("a count that was asked for", b'{"input_tokens":32}', (0, 0)),
        ("an error", b'{"error":{"message":"no"}}', (None, None)),
        ("no JSON", b"Bad gateway", (None, None)),
    ],
)
def test_a_whole_reply(case, body, figures):
    reading = Figures(streams=False)
    for byte in body:
        reading.feed(bytes([byte]))
    reading.finish()
    assert (reading.tokens_in, reading.tokens_out) == figures


def test_an_endless_line_is_not_kept():
    reading = Figures(streams=True)
    for _ in range(40):
        reading.feed(b"x" * 100_000)
    assert len(reading._rest) <= 2**20 + 100_000


def test_counters_of_both_engines():
    llama = "# HELP x\nllamacpp:prompt_tokens_total 31\nllamacpp:tokens_predicted_total 8\n"
    vllm = 'vllm:prompt_tokens_total{engine="0",model_name="m"} 1.2e+03\nvllm:prompt_tokens_total{engine="1"} 4.0\n'
    assert read_counters(llama, "llama.cpp") == (31, 8)
    assert read_counters(vllm + 'vllm:generation_tokens_total{engine="0"} 7.0\n', "vllm") == (1204, 7)
    assert read_counters(vllm, "vllm") is None
    assert read_counters(llama, "vllm") is None
    assert read_counters(llama, "") is None
