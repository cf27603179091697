"""The register: what is in force, folded from the ledger's control records."""

from caveat.register.fold import ACTS, fold
from caveat.register.values import PARTY_ROLES, ROLES, CallerKey, Export, PartyKey, Register, read_caller_key

__all__ = ["ACTS", "PARTY_ROLES", "ROLES", "CallerKey", "Export", "PartyKey", "Register", "fold", "read_caller_key"]
