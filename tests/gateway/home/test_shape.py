"""What is wrong with a table is said with the dotted key and the nearest one that is known."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from caveat.errors import BadInput
from caveat.gateway.home.shape import fitted, unknown_key


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    colours: Annotated[tuple[Literal["red", "blue"], ...], Meta(description="what it is painted")] = ()


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    inner: Inner = Inner()
    many: dict[str, Inner] = {}
    size: Annotated[int, Meta(ge=1)] = 1


def test_table_that_fits_is_a_value():
    assert fitted({"inner": {"colours": ["red"]}, "size": 2}, Outer) == Outer(Inner(("red",)), size=2)


@pytest.mark.parametrize(
    ("table", "said", "hint"),
    [
        ({"sise": 1}, "`top.sise` is not known", "`top.size`"),
        ({"inner": {"colors": []}}, "`top.inner.colors`", "`top.inner.colours`"),
        ({"many": {"x": {"colors": []}}}, "`top.many.x.colors`", "`top.many.x.colours`"),
        ({"qqq": 1}, "`top.qqq`", "inner, many, size"),
        ({"size": 0}, "`top.size`: expected a whole number >= 1", ""),
        ({"size": "big"}, "expected a whole number, got text in quotes", ""),
        ({"inner": {"colours": ["pink"]}}, "`top.inner.colours`: expected one of red, blue, got 'pink'", "painted"),
        ({"inner": 3}, "`top.inner`: expected a table, got a whole number", ""),
    ],
)
def test_table_that_does_not_fit(table, said, hint):
    with pytest.raises(BadInput) as refused:
        fitted(table, Outer, "top.")
    assert said in refused.value.message
    assert hint in refused.value.hint


def test_keys_alone_can_be_checked():
    unknown_key({"inner": {"colours": 7}}, Outer)
