"""Who may see and do what: one table for pages, one for actions.

viewer    looks: calls, terms, ledger            approver  that, and decides on waivers and held calls
operator  everything                             auditor   looks at everything, but at no call's content
"""

from caveat.errors import Refused

ROLES = ("viewer", "approver", "operator", "auditor")

ALL = frozenset(ROLES)
PAGES: dict[str, frozenset[str]] = {
    "now": ALL,
    "calls": ALL,
    "terms": ALL,
    "lifts": frozenset({"approver", "operator", "auditor"}),
    "ledger": ALL,
    "evidence": frozenset({"operator", "auditor"}),
    "callers": frozenset({"operator", "auditor"}),
}
"""Pages in the order of the menu."""

DECIDERS = frozenset({"approver", "operator"})
OPERATOR = frozenset({"operator"})
ACTIONS: dict[str, frozenset[str]] = {
    "content.look": DECIDERS,
    "hold.look": DECIDERS,
    "hold.release": DECIDERS,
    "hold.deny": DECIDERS,
    "waiver.ask": DECIDERS,
    "waiver.sign": DECIDERS,
    "waiver.drop": DECIDERS,
    "waiver.end": DECIDERS,
    "ledger.check": frozenset({"operator", "auditor"}),
    "evidence.export": OPERATOR,
    "key.new": OPERATOR,
    "key.budget": OPERATOR,
    "key.revoke": OPERATOR,
    "terms.replay": frozenset({"operator", "auditor"}),
}


def may(role: str, act: str) -> bool:
    """Whether the role may see that page or do that action; KeyError for one that is in no table is a bug."""
    table = PAGES if act in PAGES else ACTIONS
    return role in table[act]


def require(role: str, act: str) -> None:
    """Raises Refused `role_missing` unless it may."""
    if not may(role, act):
        table = PAGES if act in PAGES else ACTIONS
        raise Refused(
            f"this needs the role {' or '.join(r for r in ROLES if r in table[act])}, and you are here as {role}",
            code="role_missing",
            hint="an operator makes a link with another role: `caveat console link --role ROLE`",
        )
