"""How many rows of our own there are, by file, label and language: `python -m training.count`."""

import json
from collections import Counter
from pathlib import Path


def counts(path: Path) -> Counter[tuple[str, str]]:
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return Counter((row["label"], row["lang"]) for row in rows)


def main() -> None:
    print("| file | harmful | twins | en | fr | de | es |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for path in sorted((Path(__file__).parent / "written").glob("*.jsonl")):
        seen = counts(path)
        label = [sum(n for (is_, _), n in seen.items() if is_ == wanted) for wanted in ("harmful", "benign")]
        lang = [sum(n for (_, in_), n in seen.items() if in_ == wanted) for wanted in ("en", "fr", "de", "es")]
        print(f"| {path.stem} | " + " | ".join(map(str, label + lang)) + " |")


if __name__ == "__main__":
    main()
