"""A page: its template, the viewer's language and theme, and what every page shows around its own part.

Rules of this file: everything that stands in a page is escaped by the templates unless this package made it; a value that
a template names and nobody gave is an error, not an empty place.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from caveat.console import assets, words
from caveat.console.ports import Place
from caveat.console.roles import PAGES, may
from caveat.console.sessions import Session, Sessions
from caveat.evidence.report_page import script, words_of
from caveat.sentences.said import said as in_words
from caveat.terms.document import Text
from caveat.vocabulary import FACT

PREFIX = "/console"
FACT_SAYS = {
    "caller": "the caller's key",
    "operation": "what is asked of the model",
    "model": "the model that was asked for",
    "pm": "the recognizers' scores, per mille",
    "pmOut": "the recognizers' scores of the reply, per mille",
    **{name: fact.says for name, fact in FACT.items()},
}
"""What each fact on a call's page means."""
THEMES = ("auto", "light", "dark")


class Viewer(Struct, frozen=True):
    """Who looks, and how they like it; `session` is None before the log-in."""

    session: Session | None
    language: str
    theme: str = "auto"


def viewer_of(request: Request, session: Session | None) -> Viewer:
    """From the request's cookies and headers."""
    theme = request.cookies.get("caveat-theme", "auto")
    language = words.language_of(request.cookies.get("caveat-language", ""), request.headers.get("accept-language", ""))
    return Viewer(session, language, theme if theme in THEMES else "auto")


class Pages:
    """The templates, ready to be rendered."""

    def __init__(self, place: Place, sessions: Sessions) -> None:
        self._place = place
        self._sessions = sessions
        self._by_language = {language: self._environment(language) for language in words.LANGUAGES}

    def _environment(self, language: str) -> Environment:
        made = Environment(
            loader=PackageLoader("caveat.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        made.install_gettext_translations(words.words(language), newstyle=True)  # type: ignore[attr-defined]
        made.globals |= {
            "href": assets.href,
            "prefix": PREFIX,
            "place": self._place,
            "proof_words": words_of((script("proof.js"), assets.text("check.js")), language),
            "fact_says": FACT_SAYS,
            "logkeys": self._place.keys,
            "menu": tuple(PAGES),
            "may": may,
            "languages": words.LANGUAGES,
            "language": language,
        }
        made.filters |= {
            "number": lambda value: words.number(value, language),
            "when": words.when,
            "day": words.day,
            "moment": words.moment,
            "noted": words.noted,
            "short": words.short,
            "middle": words.middle,
            "ticked": words.ticked,
            "said": lambda text: said(text, language),
            "released": lambda line: words.released(line, language),
            "ours": lambda sentence: in_words(sentence, language),
        }
        return made

    def render(self, template: str, viewer: Viewer, values: Mapping[str, Any]) -> str:
        """A template's text; from a thread where it is long."""
        token = self._sessions.token(viewer.session) if viewer.session else ""
        found = self._by_language[viewer.language].get_template(template)
        return found.render(viewer=viewer, session=viewer.session, csrf=token, **values)

    def answer(self, template: str, viewer: Viewer, values: Mapping[str, Any], status: int = 200) -> Response:
        """The page as an answer."""
        return HTMLResponse(self.render(template, viewer, values), status)

    def say(self, viewer: Viewer, sentence: str, **about: Any) -> str:
        """One of our own sentences in the viewer's language."""
        text = words.words(viewer.language).gettext(sentence)
        return text % about if about else text


def said(text: Text, language: str) -> str:
    """A sentence of the terms in the viewer's language, else in the terms' first."""
    return text.get(language) or next(iter(text.values()), "")
