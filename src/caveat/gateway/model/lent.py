"""What a worker is told of an embedded model that its parent runs."""

from msgspec import Struct

from caveat.gateway.model.manifest import Manifest


class Lent(Struct, frozen=True):
    """An embedded model that runs under the parent: where it listens, the key of this start, which model it is."""

    address: str
    key: str
    manifest: Manifest
