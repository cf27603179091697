"""`caveat terms`: the agreement as a file that people read, check, sign, change and put in force."""

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

app = typer.Typer(
    help="Terms between a vendor and an operator: write, negotiate, adopt, change with eyes open, renew, end.",
    no_args_is_help=True,
)

app.command("lint")(terms_show.lint)
app.command("show")(terms_show.show)
app.command("sample")(terms_show.sample)
app.command("request")(talking.request)
app.command("offer")(talking.offer)
app.command("counter")(talking.counter)
app.command("accept")(talking.accept)
app.command("agree")(talking.agree)
app.command("finalize")(talking.finalize)
app.command("terminate")(talking.terminate)
app.command("state")(talking.state)
app.command("sign")(terms_sign.sign)
app.command("adopt")(terms_sign.adopt)
app.command("verify")(terms_sign.verify)
app.command("renew")(terms_lease.renew)
app.command("claim")(terms_claim.claim)
app.command("claims")(terms_claim.claims)
app.command("review")(terms_claim.review)
app.command("standby")(terms_switch.standby)
app.command("switch")(terms_switch.switch)
app.command("statement")(terms_lease.statement)
app.command("check-statement")(terms_lease.check_statement)
app.command("revoke")(terms_sign.revoke)
app.command("end")(terms_sign.end)
app.command("patch")(terms_change.patch)
app.command("diff")(terms_change.diff)
app.command("reach")(terms_reach.reach)
app.command("check-certificate")(terms_change.check)
app.command("replay")(terms_replay.replay)
