"""The shipped bank examples are consistent: quotes occur, the form holds, the mix is as described."""

from __future__ import annotations

import csv
import email
import email.policy
import json
import re
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
Row = dict[str, Any]


@dataclass(frozen=True)
class Workspace:
    """What a shipped workspace promises."""

    name: str
    documents: int
    formats: frozenset[str]
    restricted: int
    rows: int
    intents: range
    changed: int
    size: str  # what [format] bounds and how it is counted
    longest: int

    @property
    def root(self) -> Path:
        return EXAMPLES / self.name

    @property
    def settings(self) -> dict[str, Any]:
        return tomllib.loads((self.root / "knowhow.toml").read_text(encoding="utf-8"))

    def rows_of(self, name: str = "examples.jsonl") -> list[Row]:
        with (self.root / name).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def document_paths(self) -> list[str]:
        folder = self.root / "documents"
        found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return sorted(path for path in found if not path.endswith(".meta.toml"))


ENGLISH = Workspace(
    name="bank-support",
    documents=48,
    formats=frozenset(["md", "txt", "html", "csv", "docx", "pdf", "xlsx", "eml", "pptx", "jsonl"]),
    restricted=5,
    rows=330,
    intents=range(8, 12),
    changed=18,
    size="words",
    longest=70,
)
CHINESE = Workspace(
    name="bank-support-zh",
    documents=14,
    formats=frozenset(["md", "txt", "html", "csv", "docx"]),
    restricted=1,
    rows=80,
    intents=range(6, 12),
    changed=5,
    size="characters",
    longest=160,
)
both = pytest.mark.parametrize("workspace", [ENGLISH, CHINESE], ids=lambda workspace: workspace.name)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def squeeze(text: str) -> str:
    """Return `text` without white space: line breaks of a page or a cell do not matter to a quote."""
    return "".join(text.split())


def read_text(path: Path) -> str:
    """Return a document's text, with the standard library for all formats but PDF."""
    suffix = path.suffix
    if suffix == ".pdf":
        pdfium = pytest.importorskip("pypdfium2")
        return "\n".join(page.get_textpage().get_text_bounded() for page in pdfium.PdfDocument(path))
    if suffix in {".docx", ".pptx", ".xlsx"}:
        with zipfile.ZipFile(path) as archive:
            parts = re.compile(r"/(document|slide\d+|sheet\d+|sharedStrings)\.xml$")
            members = [name for name in archive.namelist() if parts.search(name)]
            return "\n".join(
                text for name in members for text in ElementTree.fromstring(archive.read(name)).itertext()
            )
    text = path.read_text(encoding="utf-8")
    if suffix == ".html":
        parser = _Text()
        parser.feed(text)
        return "".join(parser.parts)
    if suffix == ".eml":
        body = email.message_from_string(text, policy=email.policy.default).get_body()
        assert body is not None
        return str(body.get_content())
    if suffix == ".csv":
        return "\n".join(cell for row in csv.reader(text.splitlines()) for cell in row)
    if suffix == ".jsonl":
        return "\n".join(str(value) for line in text.splitlines() for value in json.loads(line).values())
    return text


def missing_quotes(rows: list[Row], folders: list[Path]) -> list[tuple[str, str]]:
    """Return (row, quote) of each quote that its document lacks; earlier folders win over later ones."""
    texts: dict[str, str] = {}
    missing = []
    for row in rows:
        for evidence in row["evidence"]:
            name = evidence["document"]
            if name not in texts:
                texts[name] = squeeze(
                    read_text(next(folder / name for folder in folders if (folder / name).exists()))
                )
            if squeeze(evidence["quote"]) not in texts[name]:
                missing.append((row["id"], evidence["quote"]))
    return missing


def form_faults(row: Row, form: dict[str, Any], size: str) -> list[str]:
    """Return what an answer breaks of its [format]: sections once and in order, citations, banned words, length."""
    answer = row["answer"]
    first, second = form["sections"]
    body = answer.partition(second)[2]
    length = len(answer.split()) if size == "words" else len(answer)
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", answer)}
    checks = {
        "sections": answer.startswith(first)
        and answer.count(first) == answer.count(second) == 1
        and body.strip(),
        "citations": cited <= set(range(1, len(row["evidence"]) + 1)) and (1 in cited) == row["answerable"],
        "banned": not [word for word in form["banned"] if word.lower() in answer.lower()],
        "length": length <= form[f"max_{size}"],
    }
    return [name for name, holds in checks.items() if not holds]


def similarity(one: str, other: str) -> float:
    """Return the Jaccard overlap of the words (Latin) or character pairs (Han) of two questions."""

    def tokens(text: str) -> set[str]:
        words = set(re.findall(r"[a-z0-9']+", text.lower()))
        han = "".join(re.findall(r"[\u4e00-\u9fff]", text))
        return words | {han[at : at + 2] for at in range(len(han) - 1)}

    first, second = tokens(one), tokens(other)
    return len(first & second) / len(first | second)


@both
def test_documents_have_the_promised_number_and_formats(workspace: Workspace) -> None:
    paths = workspace.document_paths()
    assert len(paths) == workspace.documents
    assert {Path(path).suffix[1:] for path in paths} == workspace.formats
    size = sum(path.stat().st_size for path in workspace.root.rglob("*") if path.is_file())
    assert size < 1_000_000


@both
def test_every_quote_occurs_in_its_document(workspace: Workspace) -> None:
    assert missing_quotes(workspace.rows_of(), [workspace.root / "documents"]) == []


@both
def test_every_answer_keeps_the_house_form(workspace: Workspace) -> None:
    form = workspace.settings["format"]
    assert form[f"max_{workspace.size}"] <= workspace.longest
    faults = {row["id"]: form_faults(row, form, workspace.size) for row in workspace.rows_of()}
    assert {name: found for name, found in faults.items() if found} == {}


@both
def test_the_form_check_sees_broken_answers(workspace: Workspace) -> None:
    form = workspace.settings["format"]
    row = next(row for row in workspace.rows_of() if row["answerable"])
    first, second = form["sections"]
    broken = {
        "sections": f"{second}{row['answer'].replace(second, '')}",
        "citations": row["answer"].replace("[1]", "[7]"),
        "banned": row["answer"] + form["banned"][0],
        "length": row["answer"] + " x" * workspace.longest,
    }
    for fault, answer in broken.items():
        assert fault in form_faults({**row, "answer": answer}, form, workspace.size)
    assert first in row["answer"]


@both
def test_rows_are_unique_and_evidence_goes_with_answerable(workspace: Workspace) -> None:
    rows = workspace.rows_of()
    assert len(rows) >= workspace.rows
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["question"].lower() for row in rows}) == len(rows)
    assert all(bool(row["evidence"]) == row["answerable"] for row in rows)
    assert {frozenset(row) - {"groups", "references"} for row in rows} == {
        frozenset({"id", "question", "answer", "evidence", "intent", "answerable"})
    }


@both
def test_questions_are_no_near_duplicates(workspace: Workspace) -> None:
    questions = [row["question"] for row in workspace.rows_of()]
    alike = [pair for pair in combinations(questions, 2) if similarity(*pair) > 0.85]
    assert alike == []


@both
def test_the_mix_of_intents_and_unanswerable_questions(workspace: Workspace) -> None:
    rows = workspace.rows_of()
    intents = Counter(row["intent"] for row in rows)
    assert len(intents) in workspace.intents
    assert min(intents.values()) >= 5
    share = sum(not row["answerable"] for row in rows) / len(rows)
    assert 0.12 <= share <= 0.18
    refusals = {row["answer"] for row in rows if not row["answerable"]}
    assert refusals == {workspace.settings["prompt"]["not_found"]}


@both
def test_every_document_is_asked_about(workspace: Workspace) -> None:
    asked = Counter(
        name for row in workspace.rows_of() for name in {item["document"] for item in row["evidence"]}
    )
    assert set(asked) == set(workspace.document_paths())
    assert min(asked.values()) >= 4


@both
def test_questions_on_restricted_documents_carry_their_group(workspace: Workspace) -> None:
    restricted = restricted_paths(workspace)
    assert len(restricted) == workspace.restricted
    for row in workspace.rows_of():
        if row["answerable"]:
            is_restricted = any(item["document"] in restricted for item in row["evidence"])
            assert row.get("groups", []) == (["staff"] if is_restricted else []), row["id"]


def restricted_paths(workspace: Workspace) -> set[str]:
    """Return the documents for staff by folder rule, front matter or sidecar."""
    folder = workspace.root / "documents"
    rules = [rule["path"] for rule in workspace.settings["documents"]["rules"]]
    return {
        name
        for name in workspace.document_paths()
        if any(Path(name).match(rule) for rule in rules)
        or (folder / f"{name}.meta.toml").exists()
        or (name.endswith(".md") and (folder / name).read_text(encoding="utf-8").startswith("---\n"))
    }


@both
def test_amendments_change_the_answers_they_name(workspace: Workspace) -> None:
    documents, amended = workspace.root / "documents", workspace.root / "amendments" / "documents"
    before = {row["id"]: row for row in workspace.rows_of()}
    after = workspace.rows_of("amendments/examples.jsonl")
    assert len(after) == workspace.changed
    assert missing_quotes(after, [amended]) == []
    unchanged = [row["id"] for row in after if not missing_quotes([row], [documents])]
    assert unchanged == []
    form = workspace.settings["format"]
    assert [row["id"] for row in after if form_faults(row, form, workspace.size)] == []
    with (workspace.root / "amendments" / "changes.csv").open(encoding="utf-8", newline="") as lines:
        changes = {change["id"]: change for change in csv.DictReader(lines)}
    assert set(changes) == {row["id"] for row in after}
    for row in after:
        change, old = changes[row["id"]], before[row["id"]]
        assert old["question"] == row["question"] == change["question"]
        assert change["before"] in old["answer"]
        assert change["before"] not in row["answer"].partition("[1]")[2]
        assert change["after"] in row["answer"]
        assert change["after"] not in old["answer"]


@both
def test_the_other_rows_still_hold_after_the_amendments(workspace: Workspace) -> None:
    changed = {row["id"] for row in workspace.rows_of("amendments/examples.jsonl")}
    others = [row for row in workspace.rows_of() if row["id"] not in changed]
    folders = [workspace.root / "amendments" / "documents", workspace.root / "documents"]
    assert missing_quotes(others, folders) == []
