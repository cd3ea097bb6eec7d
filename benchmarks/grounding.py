"""Does grounding without a model agree with people? AUROC and Spearman on four public sets.

The rules and weights were developed on the rows of one half, chosen by a hash of the row's id; the other half was only measured.
Run `python -m benchmarks.grounding` (KNOWHOW_DATA names the folder of the sets, default ../shared/data).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy.stats import rankdata, spearmanr

from knowhow.evaluation.metrics.grounding import grounding
from knowhow.types import Answer, Chunk, Example, Hit

DETECTION = ("hallu_begin_wow_en", "hallu_wice_en", "hallu_summedits_business_en")
FAITHFULNESS = "judge_mtrag_human_en"


@dataclass(frozen=True)
class Row:
    """A response with its passages; `truth` is 1 for a faithful one, or the mean of the human votes."""

    id: str
    passages: tuple[str, ...]
    response: str
    truth: float
    group: str


@dataclass(frozen=True)
class Figure:
    """A measure on the development half, on the other half, and on all rows."""

    measure: str
    development: float
    held: float
    whole: float
    rows: int
    by_group: dict[str, float]


def read_lines(path: Path) -> Iterator[dict]:  # type: ignore[type-arg]
    """Yield the records of a JSONL file, none where it is absent."""
    if path.exists():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def read_rows(folder: Path) -> list[Row]:
    """Return the labelled rows of one set; rows that the annotators left open are dropped."""
    texts = {record["id"]: record["text"] for record in read_lines(folder / "documents.jsonl")}
    rows = []
    for record in read_lines(folder / "examples.jsonl"):
        if "human" in record:
            passages = tuple(texts[name] for name in record["context_ids"])
            truth, group = fmean(record["human"]["faithfulness"]["votes"]), record["meta"]["model"]
        elif record["hallucinated"] is None:
            continue
        else:
            passages = (record["context"] or texts[record["context_id"]],)
            truth, group = float(not record["hallucinated"]), record["source"]
        rows.append(Row(record["id"], passages, record["response"], truth, group))
    return rows


def is_development(row: Row) -> bool:
    """Say whether the row belongs to the half that rules and weights were developed on."""
    return hashlib.sha256(row.id.encode()).digest()[0] % 2 == 0


def score(row: Row) -> float:
    """Return the product's grounding of the response, 0 where it does not apply."""
    hits = tuple(Hit(Chunk(str(n), str(n), text, 0, len(text)), 0.0) for n, text in enumerate(row.passages))
    return grounding(Example(row.id, ""), Answer(row.response, hits=hits)) or 0.0


def area_under_curve(truths: list[float], scores: list[float]) -> float:
    """Return the probability that a faithful response scores above an unfaithful one (ties count half)."""
    is_good = np.array(truths) > 0.5
    ranks = rankdata(scores)
    good, bad = int(is_good.sum()), int((~is_good).sum())
    return (
        float((ranks[is_good].sum() - good * (good + 1) / 2) / (good * bad)) if good and bad else float("nan")
    )


def rank_correlation(truths: list[float], scores: list[float]) -> float:
    """Return Spearman's rho."""
    return float(spearmanr(truths, scores)[0])


def figure_of(name: str, rows: list[Row], how: Callable[[list[float], list[float]], float]) -> Figure:
    """Score the rows and compare with the truth on both halves, the whole and each group of rows."""
    scored = [(row, score(row)) for row in rows]

    def over(keep: Callable[[Row], bool]) -> float:
        kept = [(row.truth, value) for row, value in scored if keep(row)]
        return round(how([truth for truth, _ in kept], [value for _, value in kept]), 4)

    groups = {
        group: over(lambda row, group=group: row.group == group) for group in sorted({r.group for r in rows})
    }
    return Figure(
        name,
        over(is_development),
        over(lambda row: not is_development(row)),
        over(lambda _: True),
        len(rows),
        groups,
    )


def measure(data: Path) -> dict[str, Figure]:
    """Return one figure per set; faithfulness leaves the human-written references out, as the published figures do."""
    figures = {name: figure_of("AUROC", read_rows(data / name), area_under_curve) for name in DETECTION}
    answers = [row for row in read_rows(data / FAITHFULNESS) if row.group != "reference"]
    figures[FAITHFULNESS] = figure_of("Spearman", answers, rank_correlation)
    everything = read_rows(data / FAITHFULNESS)
    figures[f"{FAITHFULNESS}, with references"] = figure_of("Spearman", everything, rank_correlation)
    return figures


def main() -> int:
    """Print the figures as JSON."""
    data = Path(os.environ.get("KNOWHOW_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (data / FAITHFULNESS).is_dir():
        print(f"No data sets at {data}: set KNOWHOW_DATA.", file=sys.stderr)
        return 2
    json.dump({name: asdict(figure) for name, figure in measure(data).items()}, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
