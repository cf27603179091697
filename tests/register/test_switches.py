"""Where an alias goes follows from the control records: by command, or at the record that ends its terms."""

import msgspec
import pytest
from tests.making import ANYTHING, document
from tests.register.test_leases import NOW, OPERATOR, VENDOR, ending, folded, founded, key

from caveat.errors import NotVerified
from caveat.register import PartyKey, Register
from caveat.register.switches import served_under
from caveat.register.values import Moved
from caveat.terms.parse import parse_terms
from caveat.terms.sign import sign_terms

WORKS = key("works")
ONE, TWO = f"weights:sha256:{'1' * 64}", f"weights:sha256:{'2' * 64}"


def signed(id_: str, identity: str, by=VENDOR, alias: str = "small", **more: object) -> bytes:
    yaml = document(ANYTHING, id=id_, models=[{"alias": alias, "identity": identity}], **more)
    return sign_terms(parse_terms(yaml), by, OPERATOR).raw


FIRST = signed("trial", ONE)


def target(terms: str, model: str = "small") -> bytes:
    return msgspec.json.encode({"terms": terms, "model": model})


def both(first: bytes = FIRST, **second: str) -> Register:
    register = founded(first)
    party = msgspec.json.encode(PartyKey("vendor", WORKS.name, WORKS.verify_key.text))
    register = folded(register, "party.trusted", "works", party)
    return folded(register, "terms.adopted", "other@1", signed("other", TWO, WORKS, **second))


READY = folded(both(), "alias.standby", "small", target("other"))


def test_what_stands_by_is_not_what_serves() -> None:
    assert served_under(READY, "small") == "trial"
    assert READY.standby == {"small": Moved("other", "small", READY.size - 1)}
    assert READY.fence != both().fence


@pytest.mark.parametrize(
    "note", [b"", ending(FIRST, VENDOR), ending(FIRST, OPERATOR)], ids=["stop", "vendor", "operator"]
)
def test_it_takes_over_at_the_record_that_ends_the_first(note: bytes) -> None:
    ended = folded(READY, "terms.ended", "trial", note)
    assert ended.moved == {"small": Moved("other", "small", ended.size - 1)}
    assert ended.standby == {}
    assert served_under(ended, "small") == "other"


def test_notice_moves_nothing_yet_and_a_continuity_does() -> None:
    noticed = folded(READY, "terms.ended", "trial", ending(FIRST, VENDOR, NOW + 86_400_000))
    assert (noticed.moved, served_under(noticed, "small")) == ({}, "trial")
    granting = signed("trial", ONE, continuity={"days": 3, "after": ["revocation"]})
    ready = folded(both(granting), "alias.standby", "small", target("other"))
    ended = folded(ready, "terms.ended", "trial", ending(granting, VENDOR))
    assert "trial" in ended.terms
    assert served_under(ended, "small") == "other"


def test_a_lapse_moves_an_alias_where_that_was_asked_for_and_no_other() -> None:
    leased = signed("trial", ONE, lease={"calls": 3})
    ready = both(leased)
    stays = folded(folded(ready, "alias.standby", "small", target("other")), "lease.lapsed", "trial")
    assert (stays.moved, served_under(stays, "small")) == ({}, "trial")
    wanted = msgspec.json.encode({"terms": "other", "model": "small", "on_lapse": True})
    moves = folded(folded(ready, "alias.standby", "small", wanted), "lease.lapsed", "trial")
    assert moves.moved == {"small": Moved("other", "small", moves.size - 1, True)}
    assert (moves.standby, served_under(moves, "small")) == ({}, "other")
    assert "trial" in moves.terms


def test_the_end_of_other_terms_moves_nothing() -> None:
    third = folded(READY, "terms.adopted", "third@1", signed("third", f"weights:sha256:{'3' * 64}", alias="large"))
    assert folded(third, "terms.ended", "third").moved == {}
    gone = folded(READY, "terms.ended", "other")
    assert (gone.standby, gone.moved) == ({}, {})
    assert folded(gone, "terms.ended", "trial").moved == {}


def test_by_command_and_back() -> None:
    moved = folded(READY, "alias.switched", "small", target("other"))
    assert (served_under(moved, "small"), moved.standby) == ("other", {})
    back = folded(moved, "alias.switched", "small", target("trial"))
    assert served_under(back, "small") == "trial"
    ready = folded(back, "alias.standby", "small", target("other"))
    assert served_under(folded(ready, "terms.ended", "trial"), "small") == "other"


def test_another_name_for_the_other_vendors_model() -> None:
    ready = folded(both(alias="large"), "alias.standby", "small", target("other", "large"))
    assert folded(ready, "terms.ended", "trial").moved["small"] == Moved("other", "large", ready.size)


REFUSED = {
    "terms that are not in force": ("alias.standby", "small", target("nobody"), "no terms called"),
    "a model that they do not cover": ("alias.switched", "small", target("other", "huge"), "do not cover"),
    "an alias of nothing": ("alias.switched", "huge", target("other"), "no terms in force cover"),
    "the terms that serve it": ("alias.standby", "small", target("trial"), "another agreement"),
    "no stand-by to drop": ("alias.standby", "large", b"", "nothing stands by"),
    "no target": ("alias.switched", "small", b"{}", "does not read"),
    "a target with more": ("alias.switched", "small", b'{"terms":"other","model":"small","x":1}', "does not read"),
    "a target in depth": ("alias.switched", "small", b'{"terms":' + b"[" * 100_000, "does not read"),
    "none": ("alias.switched", "small", b"", "does not read"),
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_move_is_refused(row: tuple[str, str, bytes, str]) -> None:
    what, alias, document_, words = row
    with pytest.raises(NotVerified, match=words):
        folded(READY, what, alias, document_)


def test_one_vendor_cannot_end_anothers_terms() -> None:
    with pytest.raises(NotVerified, match="trusted key"):
        folded(READY, "terms.ended", "trial", ending(FIRST, WORKS))
