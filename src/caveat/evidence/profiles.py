"""Redaction profiles: which commitments a bundle opens.  They are data (profiles.json), so that a release officer can
read them and a new one needs no code.

Rule of this file: a profile opens what it names and nothing else; a commitment that no profile knows stays closed (but
under `full`, whose `*` stands for any name).
"""

from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct

from caveat.errors import BadInput

ANY: Final = "*"


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """What one profile opens: names of commitments, or "*" for every one; `says` is the same in words.

    closes   acts of control records whose documents stay behind: only such as the fold can do without (history.py)
    """

    says: str
    opens: tuple[str, ...]
    closes: tuple[str, ...]

    def shows(self, name: str) -> bool:
        """Whether a commitment of that name is opened."""
        return name in self.opens or ANY in self.opens


def read_profiles(data: bytes) -> dict[str, Profile]:
    """Profiles by name.  Raises BadInput."""
    try:
        return msgspec.json.decode(data, type=dict[str, Profile])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"the redaction profiles cannot be read: {error}") from None


PROFILES: Final = read_profiles(files("caveat.evidence").joinpath("profiles.json").read_bytes())


def profile(name: str) -> Profile:
    """The profile of that name.  Raises BadInput."""
    if name not in PROFILES:
        raise BadInput(f"expected a profile out of {', '.join(PROFILES)}, got `{name}`")
    return PROFILES[name]
