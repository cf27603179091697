"""Our signatures under the text on the table: made here, or brought from where the other holders of our keys are."""

from collections.abc import Sequence

from caveat.canon import digest
from caveat.dsse import key_id
from caveat.errors import NotVerified
from caveat.keys import SigningKey
from caveat.terms.document import Draft, SignedTerms
from caveat.terms.listing import Repository
from caveat.terms.sign import add_signature, claimed_keys, claimed_terms, payload_of, sign_terms


def signed_by_us(draft: Draft, keys: Sequence[SigningKey], own: Repository, before: SignedTerms | None) -> SignedTerms:
    """The terms with our signatures under them.  Raises NotVerified where they are too few, or where the other party signed
    other bytes."""
    if before is not None and claimed_terms(before).digest != digest(payload_of(draft)):
        raise NotVerified("what was signed is another text than the one on the table", step="talks")
    signed = before or sign_terms(draft)
    for key in keys:
        signed = add_signature(signed, key)
    ours = {key_id(key) for key in own.keys} & set(claimed_keys(signed))
    if len(ours) < own.threshold:
        raise NotVerified(
            f"{len(ours)} of our terms keys have signed, and it takes {own.threshold}",
            step="talks",
            hint="bring the others' files with `--key`, or let them run `caveat terms sign` on the file that `caveat terms "
            "state --out` writes, and give the result with `--signed`",
        )
    return signed
