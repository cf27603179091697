from caveat.facts.gather import gather, with_reply
from caveat.facts.values import Caller, Declared, Facts, Place, context, grouped, ungrouped

__all__ = ["Caller", "Declared", "Facts", "Place", "context", "gather", "grouped", "ungrouped", "with_reply"]
