"""What the parent and its workers say to each other: as it was said, or not at all."""

import pytest

from caveat.errors import NotVerified
from caveat.gateway.home.settings import read
from caveat.gateway.serving.orders import (
    Collect,
    Counted,
    Counts,
    Failed,
    Moved,
    Ready,
    Report,
    Reported,
    Setup,
    read_order,
    read_word,
    write,
)
from caveat.ledger.messages import LENGTH_BYTES

SETTINGS = read('[upstream.a]\nbase_url = "http://h"\ndialects = ["openai_chat"]\nmodels = {m = "m"}')


@pytest.mark.parametrize(
    "order",
    [
        Setup("/home", 2, SETTINGS, {}),
        Moved("local", "http://h:1"),
        Report(3),
        Counts(4, (Counted(1, True, "x"),), "y"),
    ],
    ids=lambda order: type(order).__name__,
)
def test_orders_arrive_as_they_were_given(order):
    assert read_order(write(order)[LENGTH_BYTES:]) == order


@pytest.mark.parametrize("word", [Ready(), Failed("no", "mend it"), Reported(1, "x"), Collect(2)], ids=repr)
def test_words_arrive_as_they_were_said(word):
    assert read_word(write(word)[LENGTH_BYTES:]) == word


@pytest.mark.parametrize("read_it", [read_order, read_word])
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81\xa4type\xa3who", b"\x80"])
def test_what_is_neither_is_not_verified(read_it, data):
    with pytest.raises(NotVerified):
        read_it(data)
