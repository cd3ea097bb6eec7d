"""Examples from files: every row becomes an Example or a problem with file, line and mend; nothing is lost in silence.

Keys, with the other names they go by: `question` (input, query, prompt, instruction, 问题), `answer` or `references` (answers, output,
outputs, reference, response, completion, 答案), `evidence` (gold_document_ids, document, source), `intent` (category, label, kind),
`answerable` (is_answerable, or is_impossible for its opposite), `split` (train; test, held_out, eval, dev, validation for held-out),
`groups`, `language` (lang), `id`. `split` and `intent` are also found under `meta`. OpenAI chat rows are `{"messages": [...]}`: the last
user turn is the question, the assistant's turn after it the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from knowhow.errors import DataError
from knowhow.evaluation.example_files import Row, read_rows
from knowhow.language import words
from knowhow.storage import digest_json
from knowhow.types import Evidence, Example

KEYS: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "input", "query", "prompt", "instruction", "问题"),
    "references": (
        "references",
        "answers",
        "answer",
        "outputs",
        "output",
        "reference",
        "response",
        "completion",
        "答案",
    ),
    "evidence": ("evidence", "gold_document_ids", "document", "source"),
    "intent": ("intent", "category", "label", "kind"),
    "answerable": ("answerable", "is_answerable", "is_impossible"),
    "split": ("split",),
    "groups": ("groups",),
    "language": ("language", "lang"),
    "id": ("id",),
}
"""Each field with the keys it is read from, in the order they are looked for."""

_OTHER_KEYS = frozenset({"meta", "messages", "metadata"})
_TRAIN = frozenset({"train", "training"})
_HELD_OUT = frozenset(
    {"test", "held_out", "held-out", "heldout", "eval", "evaluation", "dev", "valid", "validation"}
)
_TRUE, _FALSE = frozenset({"true", "yes", "1", "y"}), frozenset({"false", "no", "0", "n"})


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One row that cannot be used: the line, what is wrong and how to mend it."""

    line: int
    reason: str
    mend: str


@dataclass(frozen=True, slots=True)
class ExampleFile:
    """What an examples file holds; `notices` are sentences about what was read differently than one might think."""

    examples: tuple[Example, ...]
    lines: Mapping[str, int]
    notices: tuple[str, ...] = ()


class ExamplesError(DataError):
    """An examples file has rows that cannot be used; `problems` holds every one of them."""

    def __init__(self, path: Path, problems: Sequence[RowProblem]) -> None:
        self.problems = tuple(problems)
        first = problems[0]
        if len(problems) == 1:
            super().__init__(f"{first.reason}.", source=str(path), line=first.line, mend=f"{first.mend}.")
            return
        alike: dict[tuple[str, str], list[int]] = {}
        for item in problems:
            alike.setdefault((item.reason, item.mend), []).append(item.line)
        rows = "\n".join(
            f"  {path}:{at[0]}: {reason}. {mend}."
            + (f" The same on {len(at) - 1} more: {_describe_lines(at[1:])}." if len(at) > 1 else "")
            for (reason, mend), at in alike.items()
        )
        super().__init__(
            f"has {len(problems)} rows that cannot be used.",
            source=str(path),
            mend=f"Mend them or delete the lines:\n{rows}",
        )


class _RowError(Exception):
    def __init__(self, reason: str, mend: str) -> None:
        self.reason, self.mend = reason, mend
        super().__init__(reason)


def read_examples(path: Path) -> ExampleFile:
    """Read an examples file or datasets directory; ExamplesError lists every row that cannot be used."""
    examples: list[Example] = []
    problems: list[RowProblem] = []
    lines: dict[str, int] = {}
    notices: dict[str, list[int]] = {}
    for row in read_rows(path):
        try:
            if row.problem:
                raise _RowError(row.problem, row.mend)
            example, remarks = _parse(row)
            example = _with_unique_id(example, row, lines)
        except _RowError as error:
            problems.append(RowProblem(row.line, error.reason, error.mend))
            continue
        for remark in remarks:
            notices.setdefault(remark, []).append(row.line)
        lines[example.id] = row.line
        examples.append(replace(example, origin=f"{path.name}:{row.line}"))
    if problems:
        raise ExamplesError(path, problems)
    if not examples:
        raise DataError(
            "holds no examples.",
            source=str(path),
            mend='Add one JSON object per line, such as {"question": "...", "answer": "..."}.',
        )
    return ExampleFile(
        tuple(examples), lines, tuple(f"{text} ({_describe_lines(at)})" for text, at in notices.items())
    )


def parse_example(values: Mapping[str, Any], *, source: str = "", line: int = 1) -> Example:
    """Turn one row into an Example; DataError with `source` and `line` when it cannot be used."""
    try:
        return _parse(Row(line, values))[0]
    except _RowError as error:
        raise DataError(f"{error.reason}.", source=source, line=line, mend=f"{error.mend}.") from error


def example_digest(example: Example) -> str:
    """Return the digest of what an example asks and accepts, independent of its id and place in a file."""
    return digest_json([example.question, sorted(example.references), example.is_answerable])


def _parse(row: Row) -> tuple[Example, list[str]]:
    values: dict[str, Any] = dict(row.values)
    remarks: list[str] = []
    if "messages" in values:
        question, answer, remarks = _parse_messages(values["messages"])
        values = {**values, "question": question, "answer": answer}
    meta = values.get("meta") if isinstance(values.get("meta"), Mapping) else {}
    assert isinstance(meta, Mapping)
    question = _question(values)
    is_answerable = _answerable(values)
    references = _references(values, is_answerable)
    language = _text(_find(values, "language")).strip()
    example = Example(
        id=_text(_find(values, "id")).strip(),
        question=question,
        references=references,
        evidence=_evidence(_find(values, "evidence")),
        intent=_text(meta.get("intent", _find(values, "intent"))).strip(),
        is_answerable=is_answerable,
        language=language,
        groups=_groups(_find(values, "groups")),
        split=_split(values.get("split", meta.get("split"))),
    )
    return example, remarks + _misspelled(values)


def _find(values: Mapping[str, Any], field: str) -> Any:
    return next((values[key] for key in KEYS[field] if values.get(key) is not None), None)


def _question(values: Mapping[str, Any]) -> str:
    if isinstance(values.get("instruction"), str) and isinstance(values.get("input"), str):
        # Alpaca rows split a question into instruction and input; either alone asks nothing.
        return "\n\n".join(part for part in (values["instruction"].strip(), values["input"].strip()) if part)
    question = _find(values, "question")
    if question is None:
        raise _RowError("has no 'question'", f"{_hint(values, 'question')}Add the key 'question'")
    if not isinstance(question, str):
        raise _RowError(f"has a question that is {_kind(question)}, not text", "Write the question as text")
    if not question.strip():
        raise _RowError("has an empty question", "Write the question or delete the row")
    return question.strip()


def _references(values: Mapping[str, Any], is_answerable: bool) -> tuple[str, ...]:
    found: list[str] = []
    keys = [key for key in KEYS["references"] if values.get(key) is not None]
    for key in keys:
        found += _flatten(values[key], key)
    texts = [text.strip() for text in found]
    if any(not text for text in texts):
        raise _RowError("has an empty answer", "Write the answer, or set 'answerable' to false")
    if not texts and is_answerable:
        if keys:
            raise _RowError(
                f"is answerable but its '{keys[0]}' is empty",
                "Add an accepted answer, or set 'answerable' to false",
            )
        raise _RowError(
            "is answerable but has no accepted answer",
            f"{_hint(values, 'references')}Add the key 'answer', or set 'answerable' to false",
        )
    return tuple(dict.fromkeys(texts))


def _flatten(value: Any, key: str) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping) and isinstance(value.get("text"), (list, str)):
        return _flatten(value["text"], key)
    if isinstance(value, (list, tuple)) and key in {"references", "answers", "outputs"}:
        return [text for item in value for text in _flatten(item, key)]
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return list(value)
    if isinstance(value, (Mapping, list)):
        return [json.dumps(value, ensure_ascii=False)]
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, (int, float)):
        return [str(value)]
    raise _RowError(f"has a '{key}' that is {_kind(value)}", "Write the answer as text or a list of texts")


def _evidence(value: Any) -> tuple[Evidence, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(item for entry in value for item in _evidence(entry))
    if isinstance(value, str):
        text = value.strip()
        return (Evidence("", text) if _is_quote(text) else Evidence(text),)
    if isinstance(value, Mapping):
        document = next(
            (
                value[key]
                for key in ("document", "document_id", "file", "source", "id")
                if isinstance(value.get(key), str)
            ),
            "",
        )
        quote = next(
            (value[key] for key in ("quote", "text", "passage") if isinstance(value.get(key), str)), ""
        )
        if document or quote:
            return (Evidence(document.strip(), quote.strip()),)
    raise _RowError(
        "has evidence that names neither a document nor a quote",
        'Write "file.md" or {"document": "file.md", "quote": "the exact words"}',
    )


def _is_quote(text: str) -> bool:
    # A bare string is a document's id or path unless it reads like a passage; an object says which it is.
    stem, dot, suffix = text.rpartition(".")
    if dot and stem and suffix.isalnum() and len(suffix) <= 5:
        return False
    return "\n" in text or text.endswith((".", "。", "!", "?", "！", "？")) or len(words(text)) > 12


def _answerable(values: Mapping[str, Any]) -> bool:
    for key in KEYS["answerable"]:
        value = values.get(key)
        if value is None:
            continue
        truth = value if isinstance(value, bool) else _truth(str(value))
        if truth is None:
            raise _RowError(f"has {key} {value!r}", f"Write true or false for '{key}'")
        return truth != (key == "is_impossible")
    return True


def _truth(text: str) -> bool | None:
    folded = text.strip().casefold()
    return True if folded in _TRUE else False if folded in _FALSE else None


def _split(value: Any) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        return ""
    folded = str(value).strip().casefold()
    if folded in _TRAIN:
        return "train"
    if folded in _HELD_OUT:
        return "held_out"
    raise _RowError(f"has the unknown split {value!r}", "Write 'train' or 'held_out', or leave it out")


def _groups(value: Any) -> frozenset[str]:
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return frozenset(item.strip() for item in value if item.strip())
    raise _RowError(f"has groups that are {_kind(value)}", "Write a list of group names")


def _parse_messages(value: Any) -> tuple[str, str, list[str]]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(turn, Mapping) for turn in value):
        raise _RowError("has 'messages' that are no list of turns", 'Write [{"role": ..., "content": ...}]')
    roles = [turn.get("role") for turn in value]
    if "user" not in roles:
        raise _RowError("has no user turn", "Add the question as a turn with role 'user'")
    place = len(roles) - 1 - roles[::-1].index("user")
    replies = [turn for turn in value[place + 1 :] if turn.get("role") == "assistant"]
    if not replies:
        raise _RowError(
            "ends without an assistant's answer", "Add the answer as a turn with role 'assistant'"
        )
    remarks = []
    if "system" in roles or "developer" in roles:
        remarks.append(
            "A system turn was left out: KnowHow's own instructions stand in [prompt] instructions"
        )
    question, answer = _content(value[place]), _content(replies[-1])
    if any(role in {"user", "assistant"} for role in roles[:place]):
        remarks.append(
            "Earlier turns were put before the question: an example is one question with its answer"
        )
        earlier = [
            f"{turn['role']}: {_content(turn)}"
            for turn in value[:place]
            if turn.get("role") in {"user", "assistant"}
        ]
        question = "\n".join([*earlier, f"user: {question}"])
    return question, answer, remarks


def _content(turn: Mapping[str, Any]) -> str:
    content = turn.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(
        isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content
    ):
        return "".join(part["text"] for part in content)
    raise _RowError("has a turn whose content is not text", "Keep text turns only")


def _with_unique_id(example: Example, row: Row, lines: Mapping[str, int]) -> Example:
    if example.id:
        if example.id in lines:
            raise _RowError(
                f"repeats the id '{example.id}' of line {lines[example.id]}",
                "Give each row its own id, or leave the id out",
            )
        return example
    base = f"q-{example_digest(example)[:12]}"
    identifier, copy = base, 1
    while identifier in lines:
        copy += 1
        identifier = f"{base}-{copy}"
    return replace(example, id=identifier)


def _misspelled(values: Mapping[str, Any]) -> list[str]:
    known = {key for names in KEYS.values() for key in names} | _OTHER_KEYS
    remarks = []
    for key in values:
        near = get_close_matches(str(key), sorted(known), n=1, cutoff=0.85)
        if key not in known and near and values.get(near[0]) is None:
            remarks.append(f"The key '{key}' is unknown and was ignored; did you mean '{near[0]}'?")
    return remarks


def _hint(values: Mapping[str, Any], field: str) -> str:
    for key in values:
        near = get_close_matches(str(key), KEYS[field], n=1, cutoff=0.6)
        if near and key not in KEYS[field] and not any(key in names for names in KEYS.values()):
            return f"Did you mean '{near[0]}' by '{key}'? "
    return ""


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}.get(
        type(value), type(value).__name__
    )


def _describe_lines(lines: Iterable[int]) -> str:
    numbers = list(lines)
    shown = ", ".join(map(str, numbers[:8]))
    return f"line{'s' if len(numbers) > 1 else ''} {shown}{' ...' if len(numbers) > 8 else ''}"
