"""The state: only what the log's key signed is taken for it."""

import pytest

from caveat.errors import NotVerified
from caveat.ledger.checkpoint import new_log_keys
from caveat.ledger.state import State, claimed_state, encode_state, open_state
from caveat.note import TreeHead, sign_note

STATE = State(TreeHead("example.com/log", 12, b"\x02" * 32), 1_790_000_000_000)


def test_it_survives(keys):
    raw = encode_state(STATE, keys.plain)
    assert open_state(raw, keys.plain.verify_key) == claimed_state(raw) == STATE


def test_another_key_or_a_changed_byte_is_not_verified(keys):
    raw = encode_state(STATE, keys.plain)
    with pytest.raises(NotVerified):
        open_state(raw, new_log_keys("example.com/log").plain.verify_key)
    for at in range(len(raw)):
        with pytest.raises(NotVerified):
            open_state(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :], keys.plain.verify_key)


@pytest.mark.parametrize(
    "text",
    [
        b"caveat-state/v2\n" + STATE.head.text + b"5\n",
        b"caveat-state/v1\n" + STATE.head.text,
        b"caveat-state/v1\n" + STATE.head.text + b"-5\n",
        b"caveat-state/v1\n" + STATE.head.text + b"5\n6\n",
        STATE.head.text,
    ],
)
def test_other_signed_texts_are_no_state(keys, text):
    with pytest.raises(NotVerified):
        open_state(sign_note(text, [keys.plain]), keys.plain.verify_key)
