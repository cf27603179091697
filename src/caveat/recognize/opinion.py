"""A second opinion: what a guard model is asked, and how its answer is read.

A guard model is a language model that was trained to classify a conversation (Llama Guard, Qwen3Guard, gpt-oss-safeguard).
It runs elsewhere, behind an OpenAI-compatible server; the edge sends what `question` makes and gives the words back to
`read_opinion`.  Rules of this file: an answer that is not of the form that the model was trained to give is no opinion
(None), never "safe"; what a model calls controversial counts as unsafe.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from caveat.vocabulary import HAZARDS

Speaks = Literal["llama-guard", "qwen3guard", "gpt-oss-safeguard"]
Hazards = frozenset[str]

MOST = 12_000
"""Characters that are asked about at once."""
WINDOWS = 8
"""Questions about one call: a longer call gets no opinion."""
OVERLAP = 500

_LLAMA: Final = {
    "S1": "vcr",
    "S2": "ncr",
    "S3": "src",
    "S4": "cse",
    "S5": "dfm",
    "S6": "spc",
    "S7": "prv",
    "S8": "ipv",
    "S9": "iwp",
    "S10": "hte",
    "S11": "ssh",
    "S12": "sxc",
    "S13": "",
    "S14": "x_cia",
}
"""Llama Guard 3's categories (MLCommons' taxonomy; S13 elections has no code of ours: it counts as `any` alone)."""
_QWEN: Final = {
    "Violent": "vcr",
    "Non-violent Illegal Acts": "ncr",
    "Sexual Content or Sexual Acts": "sxc",
    "PII": "prv",
    "Suicide & Self-Harm": "ssh",
    "Unethical Acts": "",
    "Politically Sensitive Topics": "",
    "Copyright Violation": "ipv",
    "Jailbreak": "x_inj",
    "None": "",
}
"""Qwen3Guard's categories."""
_NAMES: Final = {
    "vcr": "violent crimes",
    "ncr": "non-violent crimes",
    "src": "sex-related crimes",
    "cse": "sexual exploitation of children",
    "dfm": "defamation",
    "spc": "dangerous specialised advice",
    "prv": "violation of privacy",
    "ipv": "violation of intellectual property",
    "iwp": "chemical, biological, radiological, nuclear or explosive weapons",
    "hte": "hate",
    "ssh": "encouraging suicide or self-harm",
    "sxc": "sexual content",
    "x_cyb": "offensive cyber operations",
    "x_tgt": "selecting targets or using force",
    "x_sur": "mass surveillance or biometric identification",
    "x_inf": "covert influence operations",
    "x_crt": "disturbing critical infrastructure",
    "x_dec": "deciding about people's jobs, credit, benefits or liberty without a person",
    "x_cia": "abuse of a code interpreter",
    "x_inj": "prompt injection or jailbreak",
}
_POLICY: Final = (
    "Classify the content. Harmful is a request for, or help with, any of these; writing about them as a lawyer, a "
    "journalist, a teacher or a defender does is not harmful.\n"
    + "\n".join(f"{code}: {name}" for code, name in _NAMES.items())
    + '\nAnswer with JSON alone: {"violation": 0 or 1, "categories": [codes]}'
)


def questions(text: str) -> list[str] | None:
    """The stretches that are asked about, overlapping; None where the text is too long for an opinion."""
    step = MOST - OVERLAP
    made = [text[at : at + MOST] for at in range(0, max(1, len(text) - OVERLAP), step)]
    return made if len(made) <= WINDOWS else None


def question(speaks: Speaks, model: str, text: str) -> bytes:
    """The body of the chat completion that asks about a text."""
    messages = [{"role": "user", "content": text}]
    if speaks == "gpt-oss-safeguard":
        messages.insert(0, {"role": "system", "content": _POLICY})
    tokens = 1024 if speaks == "gpt-oss-safeguard" else 64
    asked: dict[str, Any] = {"model": model, "messages": messages, "temperature": 0, "max_tokens": tokens}
    return json.dumps(asked).encode()


def read_opinion(speaks: Speaks, answer: str) -> Hazards | None:
    """The hazards that the answer names, `any` among them where there are some; None where it is no opinion."""
    return _READERS[speaks](answer.strip())


def _llama(answer: str) -> Hazards | None:
    lines = answer.split()
    if lines == ["safe"]:
        return frozenset()
    if not lines or lines[0] != "unsafe":
        return None
    return _named(_LLAMA, "".join(lines[1:]).split(","))


def _qwen(answer: str) -> Hazards | None:
    safety = re.search(r"^Safety: (Safe|Unsafe|Controversial)\s*$", answer, re.MULTILINE)
    said = re.search(r"^Categories: (.+?)\s*$", answer, re.MULTILINE)
    if safety is None:
        return None
    if safety[1] == "Safe":
        return frozenset()
    return _named(_QWEN, [name.strip() for name in said[1].split(",")] if said else [])


def _oss(answer: str) -> Hazards | None:
    try:
        said = json.loads(answer)
        violation, codes = said["violation"], said.get("categories", [])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if violation not in (0, 1) or not isinstance(codes, list):
        return None
    return _named({code: code for code in HAZARDS}, [str(code) for code in codes]) if violation else frozenset()


def _named(table: Mapping[str, str], names: list[str]) -> Hazards:
    """Our codes of a model's; one that the table has not still makes it `any`."""
    return frozenset({"any", *(table.get(name, "") for name in names)} - {""})


_READERS: Final[Mapping[Speaks, Callable[[str], Hazards | None]]] = {
    "llama-guard": _llama,
    "qwen3guard": _qwen,
    "gpt-oss-safeguard": _oss,
}
