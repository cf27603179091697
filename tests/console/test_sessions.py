"""Who is let in: a link once, a session to its end, a form of one's own."""

import pytest

from caveat.console.sessions import Sessions
from caveat.errors import BadInput, Refused
from caveat.gateway.desk.ports import Marks

SECRET = b"s" * 32


@pytest.fixture
def sessions(tmp_path):
    marks = Marks(tmp_path / "console")
    return Sessions(SECRET, 8, marks.once, marks.has)


def test_a_link_lets_in_once(sessions):
    token = sessions.link("anna", "approver")
    assert sessions.peek(token).role == "approver"
    session = sessions.enter(token)
    assert (session.person, session.role, session.via) == ("anna", "approver", "link")
    for _ in range(2):
        with pytest.raises(Refused, match="not good any more"):
            sessions.enter(token)
    with pytest.raises(Refused):
        sessions.peek(token)


def test_a_link_is_good_on_one_worker_only_even_when_two_try(tmp_path):
    """Workers share nothing but the home."""
    both = [Sessions(SECRET, 8, Marks(tmp_path / "c").once, Marks(tmp_path / "c").has) for _ in range(2)]
    token = both[0].link("anna", "viewer")
    assert both[1].enter(token).person == "anna"
    with pytest.raises(Refused):
        both[0].enter(token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "A" * 10_000])
def test_what_is_no_link_is_refused(sessions, token):
    with pytest.raises(Refused):
        sessions.peek(token)


def test_a_link_of_another_home_is_none(sessions, tmp_path):
    other = Sessions(b"o" * 32, 8, Marks(tmp_path / "o").once, Marks(tmp_path / "o").has)
    with pytest.raises(Refused):
        sessions.enter(other.link("anna", "operator"))


def test_tokens_of_one_kind_do_for_no_other(sessions):
    session = sessions.begin("anna", "viewer", "link")
    assert sessions.read(sessions.link("anna", "operator")) is None
    assert sessions.read(sessions.token(session)) is None
    with pytest.raises(Refused):
        sessions.enter(sessions.cookie(session))


@pytest.mark.parametrize(("person", "role"), [("anna", "king"), ("anna", "caller"), ("", "viewer"), ("a\nb", "viewer")])
def test_links_are_for_persons_and_roles(sessions, person, role):
    with pytest.raises(BadInput):
        sessions.link(person, role)


def test_a_session_lasts_until_its_person_leaves(sessions):
    session = sessions.begin("anna", "viewer", "link")
    cookie = sessions.cookie(session)
    assert sessions.read(cookie) == session
    sessions.end(session)
    assert sessions.read(cookie) is None


def test_a_session_lasts_for_its_time(tmp_path, monkeypatch):
    marks = Marks(tmp_path / "c")
    sessions = Sessions(SECRET, 1, marks.once, marks.has)
    cookie = sessions.cookie(sessions.begin("anna", "viewer", "link"))
    import time

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3599)
    assert sessions.read(cookie) is not None
    monkeypatch.setattr(time, "time", lambda: now + 3602)
    assert sessions.read(cookie) is None


def test_a_form_counts_for_its_own_session_only(sessions):
    one, two = (sessions.begin(person, "operator", "link") for person in ("anna", "ben"))
    sessions.check(one, sessions.token(one))
    for token in (sessions.token(two), "", "x"):
        with pytest.raises(Refused, match="not made for your session"):
            sessions.check(one, token)


def test_marks_are_of_two_kinds_only(tmp_path):
    marks = Marks(tmp_path / "c")
    assert not marks.once("../../etc/passwd")
    assert not marks.has("../c")
    assert not marks.once("link-xyz")
