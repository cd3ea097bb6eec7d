"""Personal data: counts on generated identifiers, span scores on pii_presidio_en, false masks in ordinary text, and speed.

`python benchmarks/pii.py` prints all of it. Spans are scored as presidio-research's span evaluator does: neighbouring spans of a type are
one, small words at the edges do not count, a span is found when the characters of predictions that overlap it agree with it to an
intersection over union of 0.7 (its own default is 0.9), whatever their type; F is F2. Rows are split by template: half of the
templates served to look at mistakes, mistakes on the other half were never looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowhow.privacy.recognisers import OPTIONAL_KINDS, PERSONAL_KINDS, find_personal_data
from knowhow.privacy.trained import TRAINED
from knowhow.storage import digest
from knowhow.testing.personal_data import Sample, chinese_positives, english_positives
from knowhow.testing.personal_data_decoys import chinese_decoys, english_decoys

DATA = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).resolve().parents[1] / "../shared/data"))
SKIPPED = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "and",
        "or",
        "do",
        "de",
        "rue",
        "via",
        "street",
        "st",
        "st.",
        "as",
        "day",
        "address",
        "country",
        "state",
        "city",
        "zip",
        "po",
        "apt",
        "unit",
        "corner",
        "p.o.",
        "box",
        "suite",
        "mr",
        "mrs",
        "ms",
        "miss",
        "mr.",
        "mrs.",
        "dr",
        "year",
        "years",
        "month",
        "months",
        "old",
        "morning",
        "noon",
        "afternoon",
        "night",
        "evening",
        "this",
        "first",
        "last",
        "week",
        "weeks",
        "weekend",
        "days",
        "age",
        "ago",
        "inc",
        "inc.",
        "ltd",
        "'s",
        "is",
        "was",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "with",
        "he",
        "she",
        "it",
        "i",
        "we",
        "you",
        "they",
        "that",
        "be",
        "are",
        "not",
        "my",
        "your",
        "his",
        "her",
        "our",
        "no",
        "so",
        "if",
        "but",
    ]
)
TOKENS = re.compile(r"\w+(?:'s\b)?|[^\w\s]")
PERSONAL = {
    "PERSON",
    "STREET_ADDRESS",
    "ZIP_CODE",
    "CREDIT_CARD",
    "PHONE_NUMBER",
    "IP_ADDRESS",
    "EMAIL_ADDRESS",
    "US_SSN",
    "IBAN_CODE",
}
FAMILIES = {"STREET_ADDRESS": "LOCATION", "ZIP_CODE": "LOCATION", "GPE": "LOCATION", "address": "LOCATION", "place": "LOCATION", "name": "PERSON",
            "organisation": "ORGANIZATION", "nationality": "NRP", "title": "TITLE", "age": "AGE", "date": "DATE_TIME", "card": "CREDIT_CARD", "phone": "PHONE_NUMBER",
            "ip": "IP_ADDRESS", "email": "EMAIL_ADDRESS", "ssn": "US_SSN", "iban": "IBAN_CODE", "url": "DOMAIN_NAME"}  # fmt: skip


@dataclass
class Scores:
    """Counts of spans, all types together and by type."""

    annotated: int = 0
    predicted: int = 0
    true: int = 0

    def line(self) -> str:
        """Return precision, recall and F2 as one line."""
        precision, recall = self.true / max(1, self.predicted), self.true / max(1, self.annotated)
        f2 = 5 * precision * recall / max(1e-9, 4 * precision + recall)
        return f"P {precision:.3f}  R {recall:.3f}  F2 {f2:.3f}  ({self.true} of {self.annotated}, {self.predicted} predicted)"


EVERYTHING = (*PERSONAL_KINDS, *OPTIONAL_KINDS)
Spans = list[tuple[str, int, int]]


def merge_spans(text: str, spans: Iterable[tuple[str, int, int]]) -> Spans:
    """Return spans with neighbours of one family joined where only signs and small words stand between, edges trimmed of these."""
    merged: Spans = []
    for kind, start, end in sorted(spans, key=lambda span: span[1]):
        family = FAMILIES.get(kind, kind)
        between = text[merged[-1][2] : start] if merged else ""
        if merged and merged[-1][0] == family and not significant(between):
            merged[-1] = (family, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((family, start, end))
    return [span for span in merged if significant(text[span[1] : span[2]])]


def significant(text: str) -> list[tuple[int, int]]:
    """Return the places of tokens that are neither signs nor small words."""
    return [
        match.span()
        for match in TOKENS.finditer(text)
        if match[0].lower() not in SKIPPED and (match[0][0].isalnum())
    ]


def covered(text: str, span: tuple[str, int, int]) -> tuple[int, int]:
    places = significant(text[span[1] : span[2]])
    return span[1] + places[0][0], span[1] + places[-1][1]


def score_row(
    text: str, annotated: Spans, predicted: Spans, total: Scores, by_type: dict[str, Scores], threshold: float
) -> list[str]:
    """Add a row's counts; return what went wrong."""
    wrong = []
    free = list(predicted)
    total.annotated += len(annotated)
    for span in annotated:
        first, last = covered(text, span)
        overlapping = [
            item for item in free if covered(text, item)[0] < last and covered(text, item)[1] > first
        ]
        chosen: Spans = []
        best = 0.0
        for item in overlapping:
            value = overlap([covered(text, other) for other in [*chosen, item]], first, last)
            if value > best:
                chosen, best = [*chosen, item], value
        by_type[span[0]].annotated += 1
        if best >= threshold:
            total.true += 1
            total.predicted += 1
            by_type[span[0]].true += 1
            free = [item for item in free if item not in chosen]
        else:
            wrong.append(f"missed {span[0]} {text[span[1] : span[2]]!r} (best {best:.2f}) in {text[:160]!r}")
    total.predicted += len(free)
    wrong += [f"false {kind} {text[start:end]!r} in {text[:160]!r}" for kind, start, end in free]
    for item in predicted:
        by_type[item[0]].predicted += 1
    return wrong


def overlap(parts: Sequence[tuple[int, int]], first: int, last: int) -> float:
    """Return intersection over union of the characters of parts with a span."""
    inside = {place for start, end in parts for place in range(start, end)}
    whole = set(range(first, last))
    return len(inside & whole) / len(inside | whole)


def read_rows() -> list[dict[str, object]]:
    return [
        json.loads(line)
        for line in (DATA / "pii_presidio_en/examples.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def is_development(row: dict[str, object]) -> bool:
    """Say whether mistakes on a row's template may be looked at."""
    return int(digest(f"pii-{row['meta']['template_id']}")[:8], 16) % 2 == 0  # type: ignore[index]


def score_presidio(part: str, threshold: float, is_shown: bool) -> None:
    """Print the scores on a part of the templates."""
    total, by_type = Scores(), defaultdict(Scores)
    for text, spans in select_rows(part):
        found = [
            (item.kind, item.start, item.end)
            for item in find_personal_data(text, EVERYTHING, recognisers=TRAINED)
        ]
        wrong = score_row(text, merge_spans(text, spans), merge_spans(text, found), total, by_type, threshold)
        if is_shown:
            print(*wrong, sep="\n")
    print(f"  {part:12} {total.line()}")
    if is_shown:
        for kind, scores in sorted(by_type.items()):
            print(f"    {kind:14} {scores.line()}")


def select_rows(part: str) -> Iterator[tuple[str, Spans]]:
    """Yield text and annotated spans of the rows of a part."""
    for row in read_rows():
        if part == "all" or is_development(row) == (part == "development"):
            yield (
                str(row["text"]),
                [(str(span["type"]), int(span["start"]), int(span["end"])) for span in row["spans"]],
            )  # type: ignore[attr-defined]


def count_covered(part: str) -> None:
    """Print the share of annotated personal data that masking by default leaves not one significant character of, by type."""
    whole: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for text, spans in select_rows(part):
        found = {
            place
            for item in find_personal_data(text, recognisers=TRAINED)
            for place in range(item.start, item.end)
        }
        for kind, start, end in spans:
            places = [
                start + place for first, last in significant(text[start:end]) for place in range(first, last)
            ]
            if kind in PERSONAL and places:
                seen[kind] += 1
                whole[kind] += found.issuperset(places)
    shares = ", ".join(f"{kind} {whole[kind]}/{count}" for kind, count in seen.most_common())
    print(f"  {part:12} {sum(whole.values()) / sum(seen.values()):.3f}  ({shares})")


def count_generated(size: int, seed: int) -> None:
    """Print recall and precision on generated identifiers and decoys."""
    pairs: list[tuple[str, Callable[[int, int], list[Sample]], Callable[[int, int], list[Sample]]]] = [
        ("Chinese", chinese_positives, chinese_decoys),
        ("English", english_positives, english_decoys),
    ]
    for name, positives, decoys in pairs:
        found_count, true, false = 0, 0, 0
        missed: Counter[str] = Counter()
        for sample in positives(size, seed):
            found = find_personal_data(sample.text)
            right = [
                item
                for item in found
                if item.kind == sample.kind and item.start < sample.end and sample.start < item.end
            ]
            true, false = true + len(right), false + len(found) - len(right)
            is_found = any(item.start <= sample.start and sample.end <= item.end for item in right)
            found_count += is_found
            missed[sample.kind] += not is_found
        false += sum(len(find_personal_data(sample.text)) for sample in decoys(size, seed))
        print(
            f"  {name}: recall {found_count / size:.4f}, precision {true / (true + false):.4f} (seed {seed}, {size} + {size}; missed {dict(+missed)})"
        )


def count_false_masks() -> None:
    """Print how much the trained recogniser takes from ordinary documents: shares of characters, by kind."""
    for name in ("policyqa_en", "cranfield_en", "covidqa_long_en"):
        folder = DATA / name
        path = next(iter(sorted(folder.glob("documents*.jsonl")) or sorted(folder.glob("*.jsonl"))))
        texts = [
            json.loads(line).get("text", "") for line in path.read_text(encoding="utf-8").splitlines()[:200]
        ]
        size = sum(map(len, texts))
        kinds: Counter[str] = Counter()
        for text in texts:
            for item in find_personal_data(text, PERSONAL_KINDS, recognisers=TRAINED):
                kinds[item.kind] += 1
        print(f"  {name}: {size / 1e3:.0f} kB, spans by kind {dict(kinds.most_common())}")


def measure_speed() -> None:
    """Print megabytes per second of processor time, with and without the trained recogniser."""
    texts = [sample.text for sample in chinese_positives(2000, 9)] * 3
    english = [str(row["text"]) for row in read_rows()] * 4
    for name, chosen, trained in (
        ("Chinese, anchored", texts, ()),
        ("English, anchored", english, ()),
        ("English, trained", english, TRAINED),
    ):
        joined = ["\n".join(chosen[place : place + 50]) for place in range(0, len(chosen), 50)]
        started = time.process_time()
        for text in joined:
            find_personal_data(text, PERSONAL_KINDS, recognisers=trained)
        seconds = time.process_time() - started
        size = sum(len(text.encode()) for text in joined)
        print(f"  {name}: {size / 1e6 / seconds:.2f} MB/s ({size / 1e3:.0f} kB)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="show mistakes on the development templates only")
    parser.add_argument("--size", type=int, default=2000)
    arguments = parser.parse_args()
    if arguments.show:
        score_presidio("development", 0.7, True)
        return
    print("Generated identifiers and decoys")
    for seed in (1, 2, 3):
        count_generated(arguments.size, seed)
    for threshold in (0.7, 0.9):
        print(f"pii_presidio_en, all 16 types, overlap {threshold}")
        for part in ("development", "test", "all"):
            score_presidio(part, threshold, False)
    print("pii_presidio_en, personal data of which masking by default leaves nothing")
    for part in ("development", "test", "all"):
        count_covered(part)
    print("False masks in ordinary documents (kinds that are masked by default)")
    count_false_masks()
    print("Speed (one thread)")
    measure_speed()


if __name__ == "__main__":
    main()
