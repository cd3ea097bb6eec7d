"""knowhow ask: answers with citations from the indexed documents."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, GroupsOption, JsonOption, QuietOption, WorkspaceOption, parse_groups

if TYPE_CHECKING:
    from knowhow.types import Answer


def ask(
    questions: Annotated[
        list[str], typer.Argument(help="One or more questions; '-' reads one per line from stdin.")
    ],
    workspace: WorkspaceOption = HERE,
    groups: GroupsOption = "",
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="How to answer; see knowhow compare.")
    ] = "rag",
    trace: Annotated[
        bool, typer.Option("--trace", help="Show query, hits with scores, prompt and timings.")
    ] = False,
    expect: Annotated[
        str, typer.Option("--expect", help="A document that should have been used: say why it was not.")
    ] = "",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Answer questions from the documents, with citations, or say that they are not in the documents.

    Example: knowhow ask "How long do I have to dispute a card payment?" --trace
    """
    from knowhow.cli.output import print_json
    from knowhow.progress import set_quiet
    from knowhow.workspace import Workspace

    set_quiet(quiet)
    texts = [
        line.strip() for item in questions for line in (sys.stdin if item == "-" else [item]) if line.strip()
    ]
    stream = _Stream() if len(texts) == 1 and not as_json and sys.stdout.isatty() else None
    with Workspace(workspace) as opened:
        readers = parse_groups(groups)
        answers = opened.ask(texts, groups=readers, strategy=strategy, on_text=stream)
        reasons = (
            [
                opened.explain_miss(text, answer, expect, readers)
                for text, answer in zip(texts, answers, strict=True)
            ]
            if expect
            else []
        )
    if as_json:
        print_json(
            [
                {"question": text, "answer": answer, **({"expected": reasons[row]} if reasons else {})}
                for row, (text, answer) in enumerate(zip(texts, answers, strict=True))
            ]
        )
        return
    for row, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        _show(text, answer, len(texts) > 1, stream.text if stream else "", trace)
        if reasons:
            print(f"{expect}: {reasons[row]}")


class _Stream:
    """Prints text as it is generated and remembers it, so that the checked answer is printed only where it differs."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, position: int, text: str) -> None:
        self.text += text
        sys.stdout.write(text)
        sys.stdout.flush()


def _show(question: str, answer: Answer, is_one_of_many: bool, streamed: str, trace: bool) -> None:
    if is_one_of_many:
        print(f"Q: {question}")
    delivered = answer.error or answer.text
    if streamed.strip() == delivered.strip():
        print()
    else:
        print(f"\n\nChecked answer:\n{delivered}" if streamed else delivered)
    for citation in answer.citations:
        place = " · ".join(
            [
                citation.source or citation.document_id,
                *([f"page {citation.page}"] if citation.page else []),
                *([" > ".join(citation.heading)] if citation.heading else []),
            ]
        )
        inferred = " (matched by wording)" if citation.is_inferred else ""
        print(f"  [{citation.number}] {place} · characters {citation.start}-{citation.end}{inferred}")
        print(f"      “{_shorten(citation.quote)}”")
    for warning in answer.warnings:
        print(f"  warning: {warning}")
    for note in answer.notes:
        print(f"  note: {note}")
    if trace:
        _show_trace(answer)
    print()


def _show_trace(answer: Answer) -> None:
    print("hits:")
    for rank, hit in enumerate(answer.hits, start=1):
        parts = ", ".join(f"{name} {value:.3f}" for name, value in hit.parts.items())
        print(f"  {rank}. {hit.score:.4f} ({parts}) {hit.chunk.id}: {_shorten(hit.chunk.text)}")
    print("prompt:")
    for message in answer.prompt:
        print(f"  <{message.role}> " + message.content.replace("\n", "\n    "))
    timings = ", ".join(f"{name} {value:.0f}" for name, value in answer.timings_ms.items())
    print(
        f"milliseconds: {timings}; {answer.prompt_tokens} prompt and {answer.completion_tokens} answer tokens; index {answer.index_version}"
    )


def _shorten(text: str, width: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
