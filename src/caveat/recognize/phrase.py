"""What prompt injection sounds like: a row of the tables phrases_en.py and phrases_eu.py.

Written without accents, as folded text is.  `~` is the gap between two words; `@n` a gap with up to n other words in
it.  Each row begins with one of its `leads` and holds one of its `keys`, exact words, so that a text without them is
never searched.

Grades are per mille by voice.  The operator's own system text may speak about injection; a tool's result may not give
orders at all; a user's own words lie between.
"""

from msgspec import Struct

from caveat.wire.call import Voice


class Row(Struct, frozen=True):
    """One family of phrases in one language.

    tail     what must follow the lead
    told     per mille where a tool's result, a definition or a field says it
    asked    where a user or the model says it;  the operator's own system text counts a third of that
    """

    leads: tuple[str, ...]
    keys: frozenset[bytes]
    tail: str
    told: int
    asked: int


def grade(row: Row, voice: Voice) -> int:
    """Per mille of a row in a voice."""
    if voice in ("tool", "definition", "field"):
        return row.told
    return row.asked // 3 if voice == "system" else row.asked


def row(leads: str, keys: str, tail: str, told: int, asked: int) -> Row:
    return Row(tuple(leads.split()), frozenset(keys.encode().split()), tail, told, asked)


def any_of(words: str) -> str:
    return f"(?:{'|'.join(sorted(words.split(), key=len, reverse=True))})"


_ABOUT = """
    injection injections jailbreak jailbreaks jailbreaking attack attacks attacker attackers attempt attempts
    adversarial phrase phrases example examples detect detects detection detecting filter means mean meaning
    called famous known technique techniques test tests exploit exploits research paper says said saying asks
    users someone people vulnerability vulnerable defend defence defense protect attaque attaques attaquant
    exemple exemples detecter detection expression veut signifie appelle utilisateur angriff angriffe angreifer
    beispiel beispiele erkennen erkennung satz satze ausdruck bedeutet technik jemand nutzer ataque ataques
    atacante ejemplo ejemplos detectar deteccion frase frases tecnica significa alguien usuario inyeccion
"""
ABOUT = frozenset(_ABOUT.split())
"""Words of someone who speaks about injection: beside a quoted or reported phrase they lower its grade."""
