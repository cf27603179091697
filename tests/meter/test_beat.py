"""Beats: what they say, and that nothing else can be read as one."""

import pytest
from msgspec.structs import replace

from caveat.errors import NotVerified
from caveat.keys import new_signing_key
from caveat.meter.beat import Beat, claimed_beat, open_beat, read_tickets, sign_beat
from caveat.meter.ticket import START
from caveat.note import sign_note

KEY = new_signing_key("labs.example.test/seal-1")
BEAT = Beat(
    seal=KEY.name, boot=3, beat=7, kind="tick", at_ms=1_795_351_642_000, last=41, open=(40, 41), head=START,
    tokens=(1200, 340), unmeasured=1, refused=2, engine=(1200, 340), total=1040, previous=(17, START),
    model="weights:sha256:" + "ab" * 32, records=70_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("case", "beat"),
    [
        ("whole", BEAT),
        ("nothing open", replace(BEAT, open=())),
        ("no counters", replace(BEAT, engine=None)),
        ("the first", replace(BEAT, boot=1, beat=1, kind="open", last=0, open=(), total=0, previous=(0, START))),
    ],
)
def test_a_beat_reads_as_it_was_signed(case, beat):
    assert open_beat(sign_beat(beat, KEY), (KEY.verify_key,)) == beat
    assert claimed_beat(sign_beat(beat, KEY)) == beat


@pytest.mark.parametrize(
    ("case", "beat"),
    [
        ("open numbers out of order", replace(BEAT, open=(41, 40))),
        ("a number open that was not given", replace(BEAT, open=(42,))),
        ("number zero open", replace(BEAT, open=(0, 1))),
        ("more in the boot than in all", replace(BEAT, total=40)),
        ("boot zero", replace(BEAT, boot=0)),
        ("opening in the middle", replace(BEAT, kind="open")),
        ("a first boot with one before it", replace(BEAT, boot=1)),
    ],
)
def test_what_cannot_be_is_refused_though_it_is_signed(case, beat):
    with pytest.raises(NotVerified):
        open_beat(sign_beat(beat, KEY), (KEY.verify_key,))


def test_a_beat_is_signed_by_its_own_seal():
    other = new_signing_key("labs.example.test/seal-2")
    with pytest.raises(NotVerified, match="another's key"):
        open_beat(sign_beat(BEAT, other), (KEY.verify_key, other.verify_key))
    with pytest.raises(NotVerified):
        open_beat(sign_beat(BEAT, KEY), (other.verify_key,))


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("a line more", BEAT.text + b"more 1\n"),
        ("a line less", BEAT.text.replace(b"refused 2\n", b"")),
        ("a leading zero", BEAT.text.replace(b"refused 2", b"refused 02")),
        ("other order", BEAT.text.replace(b"refused 2\nengine 1200 340\n", b"engine 1200 340\nrefused 2\n")),
    ],
)
def test_another_text_is_no_beat(case, text):
    with pytest.raises(NotVerified):
        open_beat(sign_note(text, [KEY]), (KEY.verify_key,))


def test_a_document_of_tickets_holds_lines_and_nothing_else():
    assert read_tickets(b'{"tickets":["a","b"]}') == ("a", "b")
    for wrong in (b"", b"[]", b'{"tickets":[1]}', b'{"tickets":[],"more":1}', b"\xff"):
        with pytest.raises(NotVerified):
            read_tickets(wrong)
