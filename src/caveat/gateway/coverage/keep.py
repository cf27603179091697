"""Measurements on record: put there through the house that owns the ledger, and read back as what is newest."""

import json
from typing import Any

from caveat.errors import BadInput, NotVerified
from caveat.gateway.coverage.matrix import read_document
from caveat.gateway.house.house import House


async def keep(house: House, document: bytes) -> str:
    """Put a measurement on record, and return which terms it is about.

    Raises BadInput where it is none, or is about terms that are not in force here, byte for byte.
    """
    try:
        measured = read_document(document).terms
    except NotVerified as error:
        raise BadInput(error.message) from None
    if measured.digest not in {terms.digest for terms in house.view.register.terms.values()}:
        raise BadInput(f"the terms `{measured.name}` that were measured are not the ones in force here")
    await house.amend("coverage.measured", measured.name, document)
    return measured.name


def newest(house: House) -> list[dict[str, Any]]:
    """The newest measurement of each terms in force, as it was put on record; terms that were never measured have none.

    Raises NotVerified where a document is missing or changed.
    """
    register = house.view.register
    names = [terms.draft.name for terms in register.terms.values()]
    return [json.loads(house.document(register.coverage[name])) for name in names if name in register.coverage]
