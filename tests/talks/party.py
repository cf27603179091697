"""A party with real keys and a real repository, in memory."""

from collections.abc import Sequence

from caveat.keys import SigningKey
from caveat.talks.publishing import DAY_MS, Charter, KeySigner, make_listing, make_root, public
from caveat.terms.listing import Listing

NOW = 1_790_000_000_000


def key(name: str, number: int) -> SigningKey:
    return SigningKey(name, bytes([number]) * 32)


class Party:
    """Keys from a number, so that equal numbers make equal parties."""

    def __init__(
        self,
        role: str,
        number: int,
        *,
        roots: int = 2,
        need: int = 1,
        terms: int = 1,
        sign: int = 1,
        at: int = NOW,
        name: str = "",
    ) -> None:
        name = name or {"vendor": "labs.test", "operator": "ministry.test"}[role]
        self.role, self.name = role, name
        self.root_keys = [key(f"{name}/root-{n}", number + n) for n in range(1, roots + 1)]
        self.terms_keys = [key(f"{name}/terms-{n}", number + 20 + n) for n in range(1, terms + 1)]
        self.roots: tuple[str, ...] = (make_root(self.charter(need, sign), self.signers(), at),)
        self.listing = self.list({}, at=at)

    def charter(self, need: int = 1, sign: int = 1) -> Charter:
        roots = tuple(public(k.verify_key) for k in self.root_keys)
        return Charter(self.name, self.role, roots, need, tuple(k.verify_key for k in self.terms_keys), sign)

    def signers(self) -> list[KeySigner]:
        return [KeySigner(k) for k in self.root_keys]

    def list(self, files: dict[str, bytes], *, at: int = NOW, days: int = 180, last: Listing | None = None) -> Listing:
        """The next listing, with these files in it."""
        before = last or getattr(self, "listing", None)
        self.listing = make_listing(self.roots, files, self.terms_keys, at + days * DAY_MS, before)
        return self.listing

    def rotate(self, *, new_root: int = 0, new_terms: int = 0, signers: Sequence[KeySigner] | None = None) -> str:
        """The next root: a root key or a terms key replaced."""
        old = self.signers()
        if new_root:
            self.root_keys[0] = key(f"{self.name}/root-9", new_root)
        if new_terms:
            self.terms_keys[0] = key(f"{self.name}/terms-9", new_terms)
        made = make_root(self.charter(), [*(signers or old), *self.signers()], NOW, self.roots[-1])
        self.roots = (*self.roots, made)
        return made
