"""`caveat terms patch | diff | check-certificate`: a change of terms, seen before anyone signs it."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import to_builtins

from caveat.cli.changes import directions, print_diff
from caveat.cli.files import read_bytes, write_new
from caveat.cli.output import Json, emit, say
from caveat.cli.semantic import print_answers, print_idle
from caveat.cli.terms_file import File, draft_of
from caveat.errors import BadInput
from caveat.talks.analyse import compare as compare_meaning
from caveat.talks.certificate import certify, check_certificate
from caveat.talks.diff import diff as compare
from caveat.talks.patch import patched, read_patch
from caveat.talks.reach import idle
from caveat.talks.solvers import names


def patch(
    file: File,
    change: Annotated[Path, typer.Argument(help="The patch: which clauses change, and why.")],
    output: Annotated[Path, typer.Option("--out", help="Where to write the next version, as YAML.")],
    *,
    as_json: Json = False,
) -> None:
    """Make the next version of terms from a patch of clauses."""
    before = draft_of(file)
    after = patched(before, read_patch(read_bytes(change)))
    write_new(output, after.yaml)
    if as_json:
        emit({"terms": after.name, "file": str(output), "changes": compare(before, after)})
        return
    print_diff(compare(before, after), directions(before, after))
    say(f"wrote {after.name} to {output}; next: `caveat terms lint`, then both parties sign")


def diff(
    before: File,
    after: Annotated[Path, typer.Argument(help="The other version.")],
    *,
    semantic: Annotated[
        bool, typer.Option("--semantic", help="Also for every request there could be: an example, or a proof.")
    ] = False,
    certificate: Annotated[
        Path | None, typer.Option(help="With --semantic: write what the other party needs to check it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What changed between two versions: clause by clause, and in what it does to requests."""
    if certificate and not semantic:
        raise BadInput("`--certificate` is about the semantic diff", hint="give `--semantic` too")
    old, new = draft_of(before), draft_of(after)
    changes, known = compare(old, new), directions(old, new)
    if not semantic:
        emit({**to_builtins(changes), "directions": known}) if as_json else print_diff(changes, known)
        return
    asked, answers = compare_meaning(old, new)
    useless = idle(new)
    if certificate:
        write_new(certificate, certify(old, new, asked, answers))
    if as_json:
        emit({"changes": changes, "directions": known, "solvers": names(), "answers": answers, "idle": useless})
        return
    print_diff(changes, known)
    print_answers(answers, names(), old.name, new.name)
    print_idle(useless, new.name)
    if certificate:
        say(f"\nthe certificate is in {certificate}; next: the other party runs `caveat terms check-certificate` on it")


def check(file: Annotated[Path, typer.Argument(help="A diff certificate.")], *, as_json: Json = False) -> None:
    """Find again what a diff certificate says: both texts, the formulas, every proof and every example."""
    checked = check_certificate(read_bytes(file))
    found = checked.certificate
    if as_json:
        emit(
            {
                "holds": True,
                "before": {"terms": found.before.terms, "digest": found.before.digest},
                "after": {"terms": found.after.terms, "digest": found.after.digest},
                "solvers": checked.solvers,
                "answers": found.answers,
                "remarks": checked.remarks,
            }
        )
        return
    for role, version in (("from", found.before), ("to  ", found.after)):
        say(f"{role} {version.terms}, whose signed pair has the digest {version.digest}")
    print_answers(found.answers, checked.solvers, found.before.terms, found.after.terms)
    for remark in checked.remarks:
        say(f"note: {remark}")
    say("\nthe certificate holds: everything in it was found again here")
