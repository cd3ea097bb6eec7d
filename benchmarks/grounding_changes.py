"""Are small changes of fact found? Sentences copied from English and Chinese documents with one number, month, negation or name changed.

Run `python -m benchmarks.grounding_changes` (KNOWHOW_DATA names the folder of the sets, default ../shared/data).
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.grounding import read_lines

from knowhow.evaluation.metrics.claims import MONTHS
from knowhow.evaluation.metrics.support import FLOOR, assess, overall_support
from knowhow.language import sentences

_NUMBER = re.compile(r"(?<![A-Za-z0-9.,])\d+(?:[.,]\d+)*")
_MONTH = re.compile(rf"\b({'|'.join(month.capitalize() for month in MONTHS if month != 'may')})\b")
_VERB = re.compile(r"\b(is|was|were|are|has|had|can|could|will)\b (?!not)")
_NAME = re.compile(r"(?<=[a-z] )[A-Z][a-z]{3,}")
_STRANGERS = ("Hargreaves", "Okonkwo", "Lindqvist", "Zelaya")
Change = Callable[[str, random.Random], str | None]


@dataclass(frozen=True)
class Found:
    """Of `sentences` changed in one way: share in which the rule for it spoke, and share below the floor."""

    sentences: int
    by_rule: float
    below_floor: float


def change_number(sentence: str, draw: random.Random) -> str | None:
    """Replace one digit of one number."""
    numbers = list(_NUMBER.finditer(sentence))
    if not numbers:
        return None
    number = draw.choice(numbers)
    place = draw.choice([n for n in range(*number.span()) if sentence[n].isdigit()])
    return (
        sentence[:place]
        + draw.choice([d for d in "123456789" if d != sentence[place]])
        + sentence[place + 1 :]
    )


def change_month(sentence: str, draw: random.Random) -> str | None:
    """Replace the first month by another."""
    month = _MONTH.search(sentence)
    if month is None:
        return None
    other = draw.choice([name.capitalize() for name in MONTHS if name.capitalize() != month[0]])
    return sentence[: month.start()] + other + sentence[month.end() :]


def change_negation(sentence: str, draw: random.Random) -> str | None:
    """Negate the first auxiliary verb."""
    verb = _VERB.search(sentence)
    return sentence[: verb.end() - 1] + " not " + sentence[verb.end() :] if verb else None


def change_chinese_negation(sentence: str, draw: random.Random) -> str | None:
    """Put 不 before the first of a few common verbs."""
    verb = re.search("是|会|能|可以", sentence)
    return sentence[: verb.start()] + "不" + sentence[verb.start() :] if verb else None


def change_name(sentence: str, draw: random.Random) -> str | None:
    """Replace a capitalised word inside the sentence by a name from elsewhere."""
    names = _NAME.findall(sentence)
    return sentence.replace(draw.choice(names), draw.choice(_STRANGERS)) if names else None


CHANGES: dict[str, dict[str, Change]] = {
    "squad2_en": {
        "number": change_number,
        "date": change_month,
        "negation": change_negation,
        "name": change_name,
    },
    "cmrc2018_zh": {"number": change_number, "negation": change_chinese_negation},
}


def read_sentences(folder: Path, draw: random.Random) -> list[tuple[str, str]]:
    """Return (sentence, its document's text) in random order, sentences of 20 to 300 characters."""
    found = []
    for record in read_lines(folder / "documents.jsonl"):
        spans = sentences(record["text"])
        found += [(record["text"][a:b], record["text"]) for a, b in spans if 20 <= b - a <= 300]
    draw.shuffle(found)
    return found


def measure_changes(data: Path, size: int = 300) -> dict[str, dict[str, Found]]:
    """Return for each set and kind of change what was found; `untouched` counts false alarms."""
    results = {}
    for name, changes in CHANGES.items():
        draw = random.Random(name)
        drawn = read_sentences(data / name, draw)
        results[name] = {"untouched": _judge([(text, source) for text, source in drawn[:size]], "")}
        for kind, change in changes.items():
            changed = ((change(text, draw), source) for text, source in drawn)
            results[name][kind] = _judge([(t, s) for t, s in changed if t is not None][:size], kind)
    return results


def _judge(pairs: list[tuple[str, str]], kind: str) -> Found:
    assessed = [assess(text, [source]) for text, source in pairs]
    spoke = [any(c.startswith(kind) for s in found for c in s.conflicts) for found in assessed]
    low = [(overall_support(found) or 0.0) < FLOOR for found in assessed]
    return Found(len(pairs), sum(spoke) / len(pairs), sum(low) / len(pairs))


def main() -> int:
    """Print the figures as JSON."""
    data = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (data / "squad2_en").is_dir():
        print(f"No data sets at {data}: set KNOWHOW_DATA.", file=sys.stderr)
        return 2
    found = measure_changes(data)
    json.dump(
        {name: {kind: asdict(item) for kind, item in kinds.items()} for name, kinds in found.items()},
        sys.stdout,
        indent=2,
    )
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
