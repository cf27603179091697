"""`caveat terms`: the agreement as a file that people read, check, sign, change and put in force."""

from collections.abc import Callable

import typer

from caveat.cli import (
    talking,
    terms_change,
    terms_claim,
    terms_lease,
    terms_reach,
    terms_replay,
    terms_show,
    terms_sign,
    terms_switch,
)
from caveat.cli.sections import Sections, examples

app = typer.Typer(
    cls=Sections,
    help="Terms between a vendor and an operator: write, negotiate, adopt, change with eyes open, renew, end.",
    epilog=examples(
        "caveat terms sample institutional-use > office.yaml        a form to start from",
        "caveat terms lint office.yaml",
        'caveat terms offer office.yaml --party labs --note "Our standard terms." --to /media/stick',
        "caveat terms state labs                                    where talks stand, and whose turn it is",
        "caveat terms adopt --party ministry --theirs /media/stick  in force, once both list the same bytes",
    ),
    no_args_is_help=True,
)

VERBS: dict[str, dict[str, Callable[..., None]]] = {
    "Write and read": {
        "sample": terms_show.sample,
        "lint": terms_show.lint,
        "show": terms_show.show,
    },
    "Talk (docs/negotiation.md)": {
        "request": talking.request,
        "offer": talking.offer,
        "counter": talking.counter,
        "accept": talking.accept,
        "agree": talking.agree,
        "finalize": talking.finalize,
        "terminate": talking.terminate,
        "state": talking.state,
    },
    "Change with eyes open": {
        "patch": terms_change.patch,
        "diff": terms_change.diff,
        "check-certificate": terms_change.check,
        "replay": terms_replay.replay,
        "reach": terms_reach.reach,
    },
    "Put in force": {
        "sign": terms_sign.sign,
        "verify": terms_sign.verify,
        "adopt": terms_sign.adopt,
        "standby": terms_switch.standby,
        "switch": terms_switch.switch,
    },
    "Last and end": {
        "renew": terms_lease.renew,
        "revoke": terms_sign.revoke,
        "end": terms_sign.end,
        "statement": terms_lease.statement,
        "check-statement": terms_lease.check_statement,
    },
    "What is said of them": {
        "claim": terms_claim.claim,
        "claims": terms_claim.claims,
        "review": terms_claim.review,
    },
}

for heading, verbs in VERBS.items():
    for name, verb in verbs.items():
        app.command(name, rich_help_panel=heading)(verb)
