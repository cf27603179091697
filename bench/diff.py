"""How long a semantic diff of large terms takes, as the command line does it: both solvers, examples, idle clauses.

    python bench/diff.py [--clauses 300] [--json]

Two versions of realistic clauses (purposes, markings, hazards, thresholds, tools, duties), the second with five per cent of
its clauses changed and its order shuffled.  `compare_s` is the diff in both directions with its examples, replayed by the
engine; `directions_s` proves which clauses got wider or narrower; `idle_s` finds those that nothing could trigger or miss.
The aim is 300 clauses a side in under 3 seconds, all of it (`all_s`).
"""

import argparse
import json
import re
import time
from random import Random

from caveat.talks.analyse import compare
from caveat.talks.direction import directions
from caveat.talks.draft import read_draft
from caveat.talks.reach import idle
from caveat.talks.solvers import names
from caveat.terms.document import Draft
from caveat.terms.samples import sample_terms

HAZARDS = (
    "vcr",
    "ncr",
    "src",
    "dfm",
    "spc",
    "prv",
    "ipv",
    "hte",
    "ssh",
    "sxc",
    "x_cyb",
    "x_sur",
    "x_inf",
    "x_crt",
    "x_dec",
)
PURPOSES = ("drafting", "summarisation", "translation", "analysis", "code")
AREAS = ("biometrics", "education", "employment", "justice", "migration")


def condition(rng: Random) -> str:
    return rng.choice(
        [
            f'context.hazardsIn.contains(Hazard::"{rng.choice(HAZARDS)}") && context.labelRank > {rng.randrange(4)}',
            f'context.pm_{rng.choice(HAZARDS)} > {rng.randrange(100, 900)} && context.purpose == Purpose::"{rng.choice(PURPOSES)}"',
            f'context.regulatedArea == Area::"{rng.choice(AREAS)}" && context.choices > {rng.randrange(1, 9)}',
            f'context.hazardsOut.contains(Hazard::"{rng.choice(HAZARDS)}") || context.pmOut_{rng.choice(HAZARDS)} > 950',
            f'context.unlistedTools > {rng.randrange(9)} && context.outputUse == OutputUse::"public"',
        ]
    )


def clauses(rng: Random, count: int) -> list[str]:
    found = []
    for number in range(count):
        effect = rng.choice(["forbid", "forbid", "hold", "oblige", "permit"])
        when = condition(rng)
        if effect == "permit":
            when = f'context.purpose == Purpose::"{rng.choice(PURPOSES)}" && context.labelRank <= {rng.randrange(1, 4)}'
        duties = "\n  duties: [log.digest]" if effect == "oblige" else ""
        found.append(f"- id: c.n{number}\n  title: T\n  says: S.\n  effect: {effect}\n  when: '{when}'{duties}\n")
    return found


def changed(clause: str) -> str:
    """The first threshold of a clause moved by one."""
    return re.sub(r"(>|<=) (\d+)", lambda found: f"{found[1]} {int(found[2]) + 1}", clause, count=1)


def terms(version: int, parts: list[str]) -> Draft:
    head = sample_terms().decode().partition("\nclauses:")[0]
    return read_draft(f"{head.replace('version: 1', f'version: {version}', 1)}\nclauses:\n{''.join(parts)}".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clauses", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = Random(options.seed)
    before = clauses(rng, options.clauses)
    after = [changed(one) if rng.random() < 0.05 else one for one in before]
    rng.shuffle(after)
    started = time.perf_counter()
    old, new = terms(1, before), terms(2, after)
    compiled = time.perf_counter()
    _, answers = compare(old, new)
    compared = time.perf_counter()
    moved = directions(old, new)
    directed = time.perf_counter()
    useless = idle(new)
    done = time.perf_counter()
    result = {
        "clauses_a_side": options.clauses,
        "compile_s": round(compiled - started, 2),
        "compare_s": round(compared - compiled, 2),
        "directions_s": round(directed - compared, 2),
        "idle_s": round(done - directed, 2),
        "all_s": round(done - started, 2),
        "answers": {
            f"{one.question.asks} {one.question.duty.name if one.question.duty else ''}".strip(): one.says
            for one in answers
        },
        "wider_or_narrower": sum(one in ("wider", "narrower") for one in moved.values()),
        "never": len(useless.never),
        "idle": len(useless.idle),
        "unknown": len(useless.unknown),
        "solvers": names(),
    }
    print(
        json.dumps(result, indent=2) if options.json else "\n".join(f"{key}: {value}" for key, value in result.items())
    )


if __name__ == "__main__":
    main()
