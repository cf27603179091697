"""A semantic diff for a person: each answer in a sentence, each example with the clauses that decided it."""

from collections.abc import Mapping, Sequence

from rich.markup import escape

from caveat.cli.output import out, say
from caveat.talks.analyse import Answered
from caveat.talks.reach import Idle
from caveat.talks.say import described, outcome, proved, sentence, title

STYLES = {"found": "yellow", "none": "green", "unknown": "red"}


def print_answers(answers: Sequence[Answered], solvers: Mapping[str, str], before: str, after: str) -> None:
    """Every answer, examples at length."""
    out.print("\n[bold]For every request there could be[/bold]")
    for one in answers:
        if one.question.duty and one.says == "none":
            continue
        style = STYLES[one.says]
        said = escape(sentence(one, solvers, before, after))
        out.print(f"  [{style}]{escape(title(one))}[/{style}]: {said}" + (":" if one.request else ""))
        if one.request and one.before and one.after:
            for line in described(one.request):
                out.print(f"      {escape(line)}")
            out.print(f"    {escape(before)}: {escape(outcome(one.before))}")
            out.print(f"    {escape(after)}: {escape(outcome(one.after))}")
    still = [one for one in answers if one.question.duty and one.says == "none"]
    if still:
        many = "all other " if any(one.question.duty and one.says != "none" for one in answers) else ""
        out.print(f"  [green]{many}duties newly owed or no longer owed[/green]: none ({proved(still[0], solvers)})")


def print_idle(found: Idle, terms: str) -> None:
    """Clauses of the new version that do nothing, if there are any."""
    lines = (
        (found.never, "no request can trigger"),
        (found.idle, "no request is decided by"),
        (found.unknown, "it is unknown whether anything is decided by"),
    )
    for ids, says in lines:
        if ids:
            say(f"in {terms}, {says} {', '.join(f'`{id_}`' for id_ in ids)}")
