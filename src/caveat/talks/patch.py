"""A proposal as a patch of clauses: what one party asks the other to change, and why.

    caveat_patch: 1
    of: institutional-use@1
    why: The archive works on restricted files every day.
    remove: [marking.ceiling]
    change:
      office.work: {when: "context.labelRank <= 8", says: {en: ..., fr: ...}}
    add:
    - {id: ..., effect: ..., ...}

Rules of this file: a patch fits one version of one document and makes the next version of it; comments and order of the
document stay; what comes out is compiled like any other terms, so a patch can propose nothing that terms cannot say.
"""

from io import BytesIO
from typing import Any

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from caveat.errors import BadInput
from caveat.talks.draft import read_draft
from caveat.terms.document import Draft

WIDTH = 4096
"""Long enough that no line of the document is wrapped anew."""


class Patch(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change.  `of` is id@version; `change` leads from a clause's id to fields that replace its own."""

    caveat_patch: int
    of: str
    why: str
    remove: tuple[str, ...] = ()
    change: dict[str, dict[str, Any]] = {}
    add: tuple[dict[str, Any], ...] = ()


def read_patch(data: bytes) -> Patch:
    """The patch in a YAML document.  Raises BadInput."""
    try:
        return msgspec.convert(YAML(typ="safe", pure=True).load(data), Patch)
    except (YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadInput(f"this is no patch of terms: {error}") from None


def patched(draft: Draft, patch: Patch) -> Draft:
    """The next version of the terms, with the patch in it.  Raises BadInput where it does not fit or does not compile."""
    if patch.of != draft.name:
        raise BadInput(f"the patch is for `{patch.of}`, and these terms are `{draft.name}`")
    known = {clause.id for clause in draft.clauses}
    for id_ in (*patch.remove, *patch.change):
        if id_ not in known:
            raise BadInput(f"the patch names the clause `{id_}`, and `{draft.name}` has none of that id")
    yaml = YAML()
    yaml.width = WIDTH
    yaml.preserve_quotes = True
    document = yaml.load(draft.yaml)
    document["version"] = draft.version + 1
    clauses = document["clauses"]
    for place in reversed(range(len(clauses))):
        if clauses[place]["id"] in patch.remove:
            del clauses[place]  # one by one: the comments of the others stay with them
        else:
            clauses[place].update(patch.change.get(clauses[place]["id"], {}))
    clauses.extend(patch.add)
    out = BytesIO()
    yaml.dump(document, out)
    return read_draft(out.getvalue())
