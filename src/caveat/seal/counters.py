"""The engine's own counters, read from its Prometheus page: a second count, which also sees calls made behind the seal.

Where they stand (llama.cpp `--metrics`, vLLM's /metrics; names as of 2026): prompt tokens, generated tokens.
"""

import re
from typing import Final

PATH: Final = "/metrics"
NAMES: Final = {
    "llama.cpp": ("llamacpp:prompt_tokens_total", "llamacpp:tokens_predicted_total"),
    "vllm": ("vllm:prompt_tokens_total", "vllm:generation_tokens_total"),
}


def read_counters(page: str, engine: str) -> tuple[int, int] | None:
    """Prompt and generated tokens since the engine started; None where the page does not say."""
    found = [_sum(page, name) for name in NAMES.get(engine, ())]
    if len(found) != 2 or found[0] is None or found[1] is None:
        return None
    return found[0], found[1]


def _sum(page: str, name: str) -> int | None:
    """Over all labels: vLLM has a row for each model and engine."""
    rows = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? ([0-9.e+]+)$", page, re.MULTILINE)
    try:
        return int(sum(float(row) for row in rows)) if rows else None
    except (ValueError, OverflowError):
        return None
