"""The measured part of docs/recognizer.md, and a `recognizer:` block for terms, from the model's card:
`python -m training.pages` writes them anew."""

import json
from pathlib import Path
from typing import Any

import msgspec

from caveat.recognize.card import Rates

ROOT = Path(__file__).parent.parent
CARD = ROOT / "src" / "caveat" / "recognize" / "data" / "learned.json"
PAGE = ROOT / "docs" / "recognizer.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MEANS = {
    "any": "any harm",
    "vcr": "violent crimes",
    "ncr": "non-violent crimes",
    "src": "sex-related crimes",
    "cse": "child sexual exploitation",
    "dfm": "defamation",
    "spc": "specialised advice",
    "prv": "privacy violations",
    "ipv": "intellectual property",
    "iwp": "indiscriminate weapons",
    "hte": "hate",
    "ssh": "suicide and self-harm",
    "sxc": "sexual content",
    "x_cyb": "offensive cyber",
    "x_tgt": "targeting, use of force",
    "x_sur": "mass surveillance",
    "x_inf": "influence operations",
    "x_crt": "critical systems",
    "x_dec": "decisions about people",
    "x_cia": "code-interpreter abuse",
    "x_inj": "prompt injection",
}


def percent(one: dict[str, Any]) -> str:
    """`93.1 % (91 to 95; 543)`: share, 95 % interval, rows."""
    if not one.get("rows"):
        return "no rows"
    return f"{100 * one['rate']:.1f} % ({100 * one['low']:.1f} to {100 * one['high']:.1f}; {one['rows']})"


def ranked(one: dict[str, Any]) -> str:
    return "-" if one["auc"] is None else f"{one['auc']:.3f} ({one['harmful']} / {one['benign']})"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def thresholds(chosen: dict[str, Any]) -> str:
    """Which threshold the calibration split chose for each category."""
    at = ", ".join(f"`{code}` {threshold}" for code, threshold in chosen["at"].items())
    return (
        "### Thresholds\n\nFor each category the lowest threshold (150 to 500, by fifties) that at most "
        f"{100 * chosen['alarms']:.1f} % of the benign texts of the calibration split reach, its sources weighing alike "
        f"({chosen['rows']} rows, none of them among those measured above; 500 where none does): {at}. `any`: 500, the default."
    )


def rendered(card: dict[str, Any]) -> str:
    m = card["measured"]
    recall = [
        [f"`{c}` {MEANS[c]}", *map(percent, (r, r["at_500"], r["ours_at_500"], r["alarms_at_500"]))]
        for c, r in m["recall_at_2_percent"].items()
        if r["rows"]
    ]
    language = [[lang, *(ranked(one) for one in by.values())] for lang, by in m["any_by_language"].items()]
    alarms = [[name, percent(one)] for name, one in m["false_alarms_at_500"].items()]
    twins = [[lang, percent(one)] for lang, one in m["twins_at_500"].items()]
    other = [
        [s, ranked(o), percent(o["recall_at_500"]), percent(o["false_alarms_at_500"])]
        for s, o in m["any_validate_only"].items()
    ]
    evaded = [[name.replace("_", " "), percent(one)] for name, one in m["evaded_at_500"].items()]
    said = [[lang, percent(one)] for lang, one in m["language_uncovered"].items()]
    calibration, unseen = m["calibration"]["any"], m["any_unseen_sources"]
    return "\n\n".join(
        part.strip()
        for part in [
            (
                f"Weights: `{card['name']}@{card['version']}+{card['sha256'][:12]}`, {card['bytes'] / 1e6:.1f} MB. "
                "Behind each share stand its 95 % interval (Wilson) and the number of rows."
            ),
            "### How well harm ranks above harmless text\n\nAUC of `any`; rows harmful / benign.\n",
            table(
                [
                    "language",
                    "test sources and families",
                    "xsafety's harmful against our benign test rows",
                    "xsafety against its own benign rows",
                    "our own held-out families",
                ],
                language,
            ),
            "Test sources alone, of which nothing was trained on:\n",
            table(
                ["harmful source", "recall of `any` at 500"],
                [[s, percent(o)] for s, o in unseen["recall_at_500"].items()],
            ),
            "AUC of `any` over these sources, harmful against harmless prompts: "
            + "; ".join(f"{lang} {ranked(one)}" for lang, one in unseen["auc"].items())
            + ".",
            (
                "### Recall\n\nAt the threshold that 2 % of the benign test rows exceed, and at 500 per mille; beside it how many of all benign "
                "test rows, our twins among them, reach 500 for the category.\n"
            ),
            table(
                ["category", "at 2 % false alarms", "at 500", "of these our own rows", "false alarms at 500"],
                recall,
            ),
            "### False alarms of `any` at 500 per mille\n",
            table(["benign text", "flagged"], alarms),
            "Benign twins (our own held-out families):\n",
            table(["language", "flagged"], twins),
            "### Sources that may only be measured on\n",
            table(["source", "AUC of `any`", "recall at 500", "false alarms at 500"], other),
            (
                f"### Calibration\n\nExpected calibration error of `any`: {calibration['expected_error']:.3f} in the mix that it was "
                f"calibrated for (a fifth harmful, sources weighing alike), {calibration['unweighted_error']:.3f} with every row counted once.\n"
            ),
            thresholds(m["thresholds"]),
            "### Evaded copies\n\nThe same harmful texts, written so that a filter trips; recall of `any` at 500 per mille.\n",
            table(["copy", "recall"], evaded),
            "### `language.uncovered`\n\nHow often it is said, by the language of the text.\n",
            table(["language", "said"], said),
        ]
    )


def block(card: dict[str, Any], thresholds: dict[str, int], codes: list[str]) -> str:
    """The `recognizer:` block of terms that choose these thresholds, with the rates that were measured at them."""
    head = f'recognizer:\n  name: {card["name"]}\n  version: "{card["version"]}"\n  weights: sha256:{card["sha256"]}\n  measured:\n'
    known = msgspec.convert(card["rates"], dict[str, Rates])
    lines = []
    for code in codes:
        at = thresholds.get(code, thresholds["default"])
        lines.append(
            f"    {code}: {{false_alarms: {known[code].false_alarms(at)}, misses: {known[code].misses(at)}}}\n"
        )
    return head + "".join(lines)


def main() -> None:
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    card = json.loads(CARD.read_text("utf-8"))
    codes = ["any", "x_sur", "x_inf", "x_cyb", "x_tgt", "iwp", "cse"]
    agreed = block(card, {"default": 500}, codes)
    own = block(card, {"default": 500, **card["measured"]["thresholds"]["at"]}, codes)
    made = (
        f"{rendered(card)}\n\n### A block for terms\n\nAt the default threshold, 500:\n\n```yaml\n{agreed}```\n\n"
        f"At the thresholds that the calibration split chose:\n\n```yaml\n{own}```"
    )
    PAGE.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
