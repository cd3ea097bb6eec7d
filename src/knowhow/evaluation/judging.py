"""A judge inside a comparison: the user's labels, its agreement with them, and its verdicts kept so that none is asked for twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowhow.errors import DataError
from knowhow.evaluation.metrics.information import MetricInfo, announce
from knowhow.evaluation.metrics.judge import Case, Judge, JudgedGrounding, case_of
from knowhow.evaluation.runs import RunRecord
from knowhow.progress import progress
from knowhow.storage import append_lines, digest_json, read_lines, write_text

JUDGED = "judged_grounding"
LEAST_LABELS = 20
_BATCH = 16
_WORDS = {"yes": True, "no": False, "supported": True, "unsupported": False, "true": True, "false": False}

announce(
    JUDGED,
    MetricInfo(
        kind="grounding",
        is_binary=True,
        summary="Whether every statement follows from the evidence, by a judge that agrees with your labels.",
    ),
)


def read_labels(path: Path) -> tuple[list[Case], list[bool]]:
    """Read JSON lines of `question`, `answer`, `passages` and `supported` (true or false, yes or no).

    DataError with file, line and mend for an unreadable row, and for fewer than 20 labels or labels of one kind only.
    """
    if not path.is_file():
        raise DataError(
            "does not exist.", source=str(path), mend="Write your verdicts there, or correct [judge] labels."
        )
    cases, labels = [], []
    for line, row in _rows(path):
        cases.append(_case(row, path, line))
        labels.append(_label(row, path, line))
    if len(labels) < LEAST_LABELS or len(set(labels)) < 2:
        raise DataError(
            f"holds {len(labels)} labels of {len(set(labels))} kind(s), which cannot show whether a judge agrees with you.",
            source=str(path),
            mend=f"Label at least {LEAST_LABELS} answers, some supported and some not.",
        )
    return cases, labels


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, text in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise DataError(
                f"is not valid JSON ({error}).", source=str(path), line=line, mend="Mend that line."
            ) from error
        if not isinstance(row, dict):
            raise DataError("is not a JSON object.", source=str(path), line=line, mend="Write {...} there.")
        yield line, row


def _case(row: Mapping[str, Any], path: Path, line: int) -> Case:
    passages = row.get("passages", ())
    passages = (passages,) if isinstance(passages, str) else passages
    texts = [
        row.get("question"),
        row.get("answer"),
        *(passages if isinstance(passages, list | tuple) else [None]),
    ]
    if len(texts) < 3 or not all(isinstance(text, str) and text.strip() for text in texts):
        raise DataError(
            "needs a question, an answer and at least one passage.",
            source=str(path),
            line=line,
            mend='Write {"question": "...", "answer": "...", "passages": ["..."], "supported": true}.',
        )
    return Case(texts[0], texts[1], tuple(texts[2:]))


def _label(row: Mapping[str, Any], path: Path, line: int) -> bool:
    value = row.get("supported", row.get("label"))
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    raise DataError(
        f"has the label {value!r}.", source=str(path), line=line, mend='Write "supported": true or false.'
    )


@dataclass
class KeptJudge:
    """A judge whose readable verdicts are kept in a file; without `inner` only kept ones are given."""

    path: Path
    inner: Judge | None = None
    verdicts: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what was kept."""
        self.verdicts.update({row["case"]: row["supported"] for row in read_lines(self.path)})

    def judge(self, cases: Sequence[Case]) -> list[bool | None]:
        """Return one verdict per case, in order; only those that are not kept are asked for."""
        keys = [case_digest(case) for case in cases]
        missing = {key: case for key, case in zip(keys, cases, strict=True) if key not in self.verdicts}
        if missing and self.inner is not None:
            told = self.inner.judge(list(missing.values()))
            fresh = {key: verdict for key, verdict in zip(missing, told, strict=True) if verdict is not None}
            self.verdicts.update(fresh)
            append_lines(self.path, [{"case": key, "supported": verdict} for key, verdict in fresh.items()])
        return [self.verdicts.get(key) for key in keys]


def case_digest(case: Case) -> str:
    """Return the digest of all that a verdict may depend on."""
    return digest_json([case.question, case.answer, list(case.passages)])[:32]


def judge_run(record: RunRecord, metric: JudgedGrounding, kept: Path) -> None:
    """Ask for every verdict that the run's report needs, in batches, and keep them beside the run in `kept`."""
    cases = {
        case_digest(case): case
        for arm in record.answers.values()
        for example in record.examples
        if example.id in arm and (case := case_of(example, arm[example.id])) is not None
    }
    keys = list(cases)
    found: dict[str, bool] = {}
    with progress("Judging", len(keys), "answers") as bar:
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            told = metric.judge.judge([cases[key] for key in batch])
            found.update(
                {key: verdict for key, verdict in zip(batch, told, strict=True) if verdict is not None}
            )
            bar.advance(len(batch))
    lines = (json.dumps({"case": key, "supported": verdict}) for key, verdict in found.items())
    write_text(kept, "".join(f"{line}\n" for line in lines))
