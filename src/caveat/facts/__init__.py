from caveat.facts.gather import covers, gather, with_reply
from caveat.facts.values import Caller, Declared, Facts, Place, context, grouped, groups, ungrouped

__all__ = [
    "Caller",
    "Declared",
    "Facts",
    "Place",
    "context",
    "covers",
    "gather",
    "grouped",
    "groups",
    "ungrouped",
    "with_reply",
]
