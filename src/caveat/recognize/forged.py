"""Shapes of injection that are no phrases: forged turns and headings, closing tags, pictures that carry data away."""

import re
from collections.abc import Callable

from msgspec import Struct

_NAMES = r"(?:system(?:_prompt|_message|-prompt)?|instructions?|tool_results?|tool_response|function_results?|user_input|user_query|untrusted[a-z_]{0,20}|human|assistant|conversation)"
_ORDERS = (
    r"(?:you (?:are|must|will|should|can|have|now)|your (?:new|task|job)|ignore|disregard|forget|override|always|from now|obey|do not"
    r"|tu (?:es|dois|vas)|vous (?:etes|devez|allez)|ne (?:dis|mentionne)|du (?:bist|musst|sollst)|sie (?:sind|mussen|sollen)|ignoriere"
    r"|eres|debes|ignora|reveal|print|send|envoie|sende|envia)"
)
_CARRIED = r"(?:data|history|conversation|secret|password|token|prompt|context|summary|message|email|chat|reply|answer|content|info|donnees|historique|mot_?de_?passe|daten|verlauf|datos|historial)"


_FAR = 20_000
"""Characters before a closing tag in which its opening one is looked for."""


class Shape(Struct, frozen=True):
    """A shape: `sign` is a string that any match contains, a word of the text where it is letters; `told` and `asked`
    as in phrase.Row; `honest` says whether a match is honest where it stands."""

    sign: str
    pattern: re.Pattern[str]
    told: int
    asked: int
    honest: Callable[[str, re.Match[str]], bool]


def begins_line(low: str, at: int) -> bool:
    """Whether only blanks and signs stand before it on its line."""
    begin = low.rfind("\n", max(0, at - 40), at) + 1
    return (begin > 0 or at <= 40) and not low[begin:at].strip(" \t>*#-_\"'`|=[(")


def _mid_line(low: str, match: re.Match[str]) -> bool:
    return not begins_line(low, match.start())


def _opened(low: str, match: re.Match[str]) -> bool:
    """A closing tag that its own text had opened is markup."""
    name = match.group(1)
    before = max(0, match.start() - _FAR)
    before = max(before, low.rfind("\x00", before, match.start()) + 1)
    return low.rfind(f"<{name}", before, match.start()) > low.rfind(f"</{name}", before, match.start())


def _never(low: str, match: re.Match[str]) -> bool:  # noqa: ARG001
    return False


SHAPES = (
    Shape(
        "system",
        re.compile(
            rf"system(?: (?:message|prompt|override|note|instruction|update|alert))?[ \t*\])]{{0,4}}:[^\n]{{0,120}}?(?<![a-z]){_ORDERS}(?![a-z])"
        ),
        850,
        550,
        _mid_line,
    ),
    Shape(
        "systeme", re.compile(rf"systeme[ \t*]{{0,4}}:[^\n]{{0,120}}?(?<![a-z]){_ORDERS}(?![a-z])"), 850, 550, _mid_line
    ),
    Shape(
        "sistema", re.compile(rf"sistema[ \t*]{{0,4}}:[^\n]{{0,120}}?(?<![a-z]){_ORDERS}(?![a-z])"), 850, 550, _mid_line
    ),
    Shape(
        "developer",
        re.compile(rf"developer[ \t*]{{0,4}}:[^\n]{{0,120}}?(?<![a-z]){_ORDERS}(?![a-z])"),
        850,
        550,
        _mid_line,
    ),
    Shape(
        "assistant",
        re.compile(
            r"assistant ?: ?(?:sure|understood|ok|okay|of course|yes|certainly)[^\n]{0,60}\n{1,3}[ \t]{0,8}(?:user|human) ?:"
        ),
        700,
        250,
        _mid_line,
    ),
    Shape("</", re.compile(rf"</({_NAMES})>"), 800, 550, _opened),
    Shape(
        "###",
        re.compile(
            r"#{3,6} ?(?:new |updated |real )?(?:instructions?|system|system prompt|response|consignes?|anweisung(?:en)?|instruccion(?:es)?) ?:"
        ),
        700,
        300,
        _mid_line,
    ),
    Shape(
        "###",
        re.compile(
            r"#{3,6} ?(?:end|fin|ende) (?:of|de|du|des|del) (?:the )?(?:document|input|user input|data|conversation|instructions?|prompt|system prompt)"
        ),
        750,
        450,
        _mid_line,
    ),
    Shape(
        "[",
        re.compile(
            r"\[ ?(?:system|admin|developer)(?: (?:message|note|override|prompt|instructions?))? ?\][ \t]?:?[^\n]{0,80}?"
            rf"(?<![a-z]){_ORDERS}(?![a-z])"
        ),
        850,
        600,
        _never,
    ),
    Shape(
        "[",
        re.compile(r"\[ ?(?:system|admin|developer) (?:message|override|prompt|instructions?) ?\]"),
        700,
        400,
        _never,
    ),
    Shape(
        "![",
        re.compile(
            rf"!\[[^\]\n]{{0,80}}\]\( ?https?://[^\s()<>]{{1,160}}[?&/=][^\s()]{{0,60}}?(?:[{{<\[$]|%7b|%3c|%5b)[^\s()]{{0,24}}?{_CARRIED}"
        ),
        850,
        650,
        _never,
    ),
    Shape(
        "![",
        re.compile(r"!\[[^\]\n]{0,80}\]\( ?https?://[^\s()<>?]{1,160}\?[^\s()=]{1,30}=[a-z0-9+/_\-%]{80}"),
        700,
        500,
        _never,
    ),
    Shape(
        "<img",
        re.compile(
            rf"<img[^<>\n]{{1,40}}https?://[^\s<>\"']{{1,160}}[?&=][^\s<>\"']{{0,60}}?(?:[{{\[$]|%7b|%5b)[^\s<>\"']{{0,24}}?{_CARRIED}"
        ),
        850,
        650,
        _never,
    ),
)
