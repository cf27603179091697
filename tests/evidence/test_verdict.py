"""A verdict: what it says is read as it was signed, what contradicts itself is none."""

import pytest

from caveat.errors import NotVerified
from caveat.evidence.verdict import Verdict, open_verdict, read_verdict, write_verdict
from caveat.keys import new_signing_key
from caveat.note import sign_note

KEY, OTHER = new_signing_key("auditor.example"), new_signing_key("other.example")
NAME, ASKED = "sha256:" + "5a" * 32, "sha256:" + "c1" * 32
MADE = {
    "holds": Verdict("example.org/log", NAME, "bundle", holds=True, at_s=1_795_736_013),
    "failed": Verdict("example.org/log", NAME, "bundle", holds=False, at_s=1_795_736_013, failed=(3, 13)),
    "not taken": Verdict("example.org/log", NAME, "bundle", holds=False, at_s=1_795_736_013),
    "sample": Verdict("example.org/log", NAME, "sample", True, 1_795_736_013, drawn=300, challenge=ASKED),
    "bad": Verdict("example.org/log", NAME, "sample", False, 1_795_736_013, drawn=300, bad=2, challenge=ASKED),
}


@pytest.mark.parametrize("name", MADE)
def test_what_was_signed_is_read(name):
    note = write_verdict(MADE[name], KEY)
    assert read_verdict(note) == MADE[name]
    assert open_verdict(note, [KEY.verify_key])[0] == MADE[name]
    with pytest.raises(NotVerified):
        open_verdict(note, [OTHER.verify_key])


CHANGES = {
    "another format": ("caveat-verdict/v1", "caveat-verdict/v2"),
    "no digest": (NAME, "sha256:5a"),
    "no such kind": ("\nsample\n", "\nletter\n"),
    "no such outcome": ("\nholds\n", "\nperhaps\n"),
    "holds with bad records": ("300 drawn, 0 bad", "300 drawn, 1 bad"),
    "fails with none": ("\nholds\n", "\nfails\n"),
    "more bad than drawn": ("\nholds\n300 drawn, 0 bad", "\nfails\n300 drawn, 301 bad"),
    "no challenge": (ASKED, "none"),
    "no time": ("1795736013", "0"),
    "a time that no calendar has": ("1795736013", "999999999999"),
    "a line more": ("1795736013\n", "1795736013\nmore\n"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_contradicts_itself_is_no_verdict(name):
    text = write_verdict(MADE["sample"], KEY).partition(b"\n\n")[0].decode() + "\n"
    was, now = CHANGES[name]
    assert was in text
    with pytest.raises(NotVerified):
        read_verdict(sign_note(text.replace(was, now, 1).encode(), [KEY]))
