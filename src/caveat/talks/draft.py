"""Terms from the YAML that a party wrote, with the words of the marking profile that they name."""

from caveat.recognize.markings import load_profile
from caveat.terms.document import Draft
from caveat.terms.parse import parse_terms
from caveat.terms.shape import read_shape
from caveat.terms.source import read_source


def read_draft(yaml: bytes) -> Draft:
    """The compiled terms.  Raises BadInput, whose message begins with the line where one is at fault."""
    return parse_terms(yaml, load_profile(read_shape(read_source(yaml)).markings).caveats)
