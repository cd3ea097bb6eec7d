"""knowhow review: look at what people said about answers, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.releases.feedback import Item
    from knowhow.workspace import Workspace

_KEYS = {"r": "right", "w": "wrong", "s": "wrong_source"}


def review(
    name: Annotated[str, typer.Argument(help="Id of one feedback; without it everything that waits.")] = "",
    verdict: Annotated[str, typer.Option("--verdict", help="right, wrong or wrong_source.")] = "",
    answer: Annotated[str, typer.Option("--answer", help="The right answer, where it was wrong.")] = "",
    document: Annotated[str, typer.Option("--document", help="Where the right answer stands.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who reviews; by default the present user.")] = "",
    only_list: Annotated[bool, typer.Option("--list", help="Only show what waits.")] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Judge answers that people reacted to; an accepted correction becomes an example of the next comparison.

    Example: knowhow review 3f2a9c01d4e5b677 --verdict wrong --answer "Within 60 days."
    """
    from knowhow.cli.output import print_json
    from knowhow.workspace import Workspace
    from knowhow.workspace.feedback import feedback_log, measure_agreement
    from knowhow.workspace.release import current_person

    person = by or current_person()
    with Workspace(workspace) as opened:
        log = feedback_log(opened.settings)
        if verdict:
            _show_outcome(_judge(opened, name, verdict, answer, document, person), as_json)
            return
        waiting = [log.get(name)] if name else log.waiting()
        if only_list or as_json:
            agreement = measure_agreement(opened.settings)
            if as_json:
                print_json({"waiting": waiting, "agreement": agreement})
                return
            for item in waiting:
                _show(item)
            print(f"{len(waiting)} wait." + (f" Agreement {agreement.share:.0%}, kappa {agreement.kappa.value:.2f}." if agreement else ""))  # fmt: skip
            return
        for item in waiting:
            _show(item)
            _ask(opened, item, person)


def _ask(opened: Workspace, item: Item, person: str) -> None:
    key = typer.prompt(
        "[r]ight, [w]rong, wrong [s]ource, or Enter to leave it", default="", show_default=False
    )
    verdict = _KEYS.get(key.strip().lower()[:1])
    if verdict is None:
        return
    answer = document = ""
    if verdict == "wrong":
        answer = typer.prompt("The right answer", default=item.feedback.correction)
    if verdict != "right":
        document = typer.prompt("Document it stands in", default=item.feedback.missing_document)
    _show_outcome(_judge(opened, item.feedback.id, verdict, answer, document, person), as_json=False)


def _judge(opened: Workspace, name: str, verdict: str, answer: str, document: str, person: str) -> Item:
    from knowhow.errors import NotFoundError
    from knowhow.releases.feedback import VERDICTS, Review
    from knowhow.workspace.feedback import review_feedback

    if verdict not in VERDICTS:
        raise NotFoundError.unknown("verdict", verdict, VERDICTS)
    found = Review(name, "", person, verdict, answer, document)
    return review_feedback(opened.settings, found, [record.id for record in opened.records()])


def _show(item: Item) -> None:
    said = item.feedback
    print(f"\n{said.id}  {said.time}  {said.by}  {said.release}  {item.state}")
    print(f"Q: {said.question}\nA: {said.answer}")
    for label, text in (
        ("rating", said.rating),
        ("correction", said.correction),
        ("wrong sources", ", ".join(map(str, said.wrong_sources))),
        ("missing document", said.missing_document),
        ("remark", said.comment),
    ):
        if text:
            print(f"   {label}: {text}")
    for earlier in item.reviews:
        print(f"   {earlier.by} said {earlier.verdict.replace('_', ' ')} {earlier.answer}")


def _show_outcome(item: Item, as_json: bool) -> None:
    from knowhow.cli.output import print_json

    if as_json:
        print_json(item)
        return
    made = f"; it became the example {item.example}" if item.example else ""
    print(f"{item.feedback.id} is {item.state}{made}.")
