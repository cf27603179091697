"""What the ledger's leaves say: made here, and read here."""

from caveat.record.body import BodyDigest, body_digest, case_mark
from caveat.record.commit import (
    Aside,
    commitment,
    disclosed,
    named_disclosures,
    read_aside,
    salts_hold,
)
from caveat.record.disclosure import read_disclosure
from caveat.record.leaf import CALL_KINDS, CONTROL, ENDINGS, KINDS, UNSENT, VERSION, Leaf, read_leaf
from caveat.record.make import Head, Opening, control, opened, refused, reply_facts, settled, spent

__all__ = [
    "CALL_KINDS",
    "CONTROL",
    "ENDINGS",
    "KINDS",
    "UNSENT",
    "VERSION",
    "Aside",
    "BodyDigest",
    "Head",
    "Leaf",
    "Opening",
    "body_digest",
    "case_mark",
    "commitment",
    "control",
    "disclosed",
    "named_disclosures",
    "opened",
    "read_aside",
    "read_disclosure",
    "read_leaf",
    "refused",
    "reply_facts",
    "salts_hold",
    "settled",
    "spent",
]
