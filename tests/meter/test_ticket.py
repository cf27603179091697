"""Tickets: one line, one way to write it, a chain that binds them."""

import pytest

from caveat.errors import NotVerified
from caveat.keys import new_signing_key
from caveat.meter.ticket import (
    NOBODY_KNOWS,
    START,
    BytesDigest,
    Counted,
    Ending,
    make_ticket,
    read_ticket,
    request_digest,
)

KEY = new_signing_key("labs.example.test/seal-1")
CALL = "0f" * 16
COUNTED = Counted(3, 41, CALL, request_digest("permit", b"body"))
ENDING = Ending(START, 31, 8, "done", 200, 1_795_351_642_000)


def test_a_ticket_reads_as_it_was_written_and_its_signature_holds():
    ticket = read_ticket(make_ticket(KEY, COUNTED, ENDING, START))
    ticket.verify((KEY.verify_key,))
    assert (ticket.boot, ticket.number, ticket.call) == (3, 41, CALL)
    assert (ticket.tokens_in, ticket.tokens_out, ticket.end, ticket.status) == (31, 8, "done", 200)
    assert ticket.prev == START


def test_an_unknown_ending_has_no_figures():
    ticket = read_ticket(make_ticket(KEY, COUNTED, NOBODY_KNOWS, START))
    assert (ticket.tokens_in, ticket.tokens_out, ticket.end) == (None, None, "unknown")


def test_every_changed_character_is_caught():
    line = make_ticket(KEY, COUNTED, ENDING, START)
    for at in range(len(line)):
        changed = line[:at] + ("1" if line[at] != "1" else "2") + line[at + 1 :]
        with pytest.raises(NotVerified):
            read_ticket(changed).verify((KEY.verify_key,))


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("another label", lambda line: line.replace("caveat-meter/v1", "caveat-meter/v2")),
        ("a leading zero", lambda line: line.replace(" 3 41 ", " 3 041 ")),
        ("boot zero", lambda line: line.replace(" 3 41 ", " 0 41 ")),
        ("two spaces", lambda line: line.replace(" done ", "  done ")),
        ("another end", lambda line: line.replace(" done ", " fine ")),
        ("a line behind it", lambda line: line + "\n"),
        ("very long", lambda line: line + "A" * 2000),
        ("not ASCII", lambda line: line.replace(" 3 41 ", " 3 4\u0661 ")),
        ("nothing", lambda line: ""),
    ],
)
def test_what_we_would_not_have_written_is_no_ticket(case, change):
    with pytest.raises(NotVerified):
        read_ticket(change(make_ticket(KEY, COUNTED, ENDING, START)))


def test_only_the_seal_of_that_name_vouches_for_it():
    ticket = read_ticket(make_ticket(KEY, COUNTED, ENDING, START))
    for keys in (
        (),
        (new_signing_key("labs.example.test/seal-2").verify_key,),
        (new_signing_key(KEY.name).verify_key,),
    ):
        with pytest.raises(NotVerified):
            ticket.verify(keys)


def test_digests_differ_by_permit_and_by_direction():
    reply = BytesDigest("permit", "reply")
    reply.update(b"bo")
    reply.update(b"dy")
    assert len({reply.value(), request_digest("permit", b"body"), request_digest("another", b"body")}) == 3
