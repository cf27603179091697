"""What looks at every record while a verification walks over them."""

from typing import Any, Protocol

from caveat.record import Leaf


class Watch(Protocol):
    """Sees every record that step 4 walks over."""

    def record(self, index: int, leaf: Leaf, values: dict[str, Any]) -> None:
        """A record of the range; `values` are those of its commitments that are disclosed and match."""
        ...

    def control(self, index: int, leaf: Leaf, document: bytes) -> None:
        """A control record, in the range or outside, once it was folded; `document` is what it names, b"" for none."""
        ...
