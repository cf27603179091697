"""Keys, tokens and passwords: secret.<what>, from the table in secret_forms.py."""

import re
from collections.abc import Iterator

from caveat.recognize.finding import Seen
from caveat.recognize.secret_forms import FORMS, NAMED, Form, Named
from caveat.recognize.view import View
from caveat.wire.call import Voice

HORIZON = 512
"""Characters from the first that show any form; what follows (a key's block, a token's tail) may be longer."""

_SHORTEST = 8
_SIGNED = tuple(form for form in FORMS if form.signs)
_BESIDE = tuple(form for form in FORMS if form.words)
_IN_URL = tuple(form for form in FORMS if not form.signs and not form.words)
_WORDS = frozenset[bytes]().union(*(form.words for form in _BESIDE), *(named.words for named in NAMED))


class Secrets:
    """The recognizer of secrets, in any voice."""

    learned = False
    name = "secrets@1"
    horizon = HORIZON

    def might(self, view: View) -> bool:
        """Whether a key's alphabet runs long in it, or a word for secrets, or an address with a user, stands in it."""
        return view.exact and bool(view.runs or not _WORDS.isdisjoint(view.words) or _address(view))

    def look(self, view: View, voice: Voice) -> list[Seen]:  # noqa: ARG002
        """Every secret, the whole of it, so that it can be struck out."""
        if not view.exact:
            return []
        named = (row for row in NAMED if not row.words.isdisjoint(view.words))
        return [s for form in self._forms(view) for s in _matches(view, form)] + [
            s for row in named for s in _after(view, row)
        ]

    def _forms(self, view: View) -> Iterator[Form]:
        runs = view.runs
        if runs:
            yield from (form for form in _SIGNED if any(sign in runs for sign in form.signs))
        yield from (form for form in _BESIDE if not form.words.isdisjoint(view.words))
        if _address(view):
            yield from _IN_URL


def _address(view: View) -> bool:
    return "@" in view.text and "://" in view.text


def _matches(view: View, form: Form) -> Iterator[Seen]:
    for match in form.pattern.finditer(view.text):
        if form.check(match):
            start, end = match.span(match.lastindex or 0) if form.what == "connection-string" else match.span()
            yield Seen(f"secret.{form.what}", start, end, form.per_mille)


def _after(view: View, named: Named) -> Iterator[Seen]:
    for match in named.pattern.finditer(view.low):
        start, end = match.span(1)
        value = view.text[start:end].rstrip(".)]}")
        if _begins_word(view.low, match) and len(value) >= _SHORTEST and named.holds(value):
            yield Seen("secret.password", start, start + len(value), named.per_mille)


def _begins_word(low: str, match: re.Match[str]) -> bool:
    """`db_password` and `password`, but no name that only ends like one."""
    return match.start() == 0 or not low[match.start() - 1].isalpha()
