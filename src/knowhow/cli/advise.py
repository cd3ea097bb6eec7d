"""knowhow advise: which direction to take before there is a measurement, and what it would cost."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knowhow.cli.options import HERE, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from knowhow.advisor.advice import Advice
    from knowhow.advisor.answers import Answers
    from knowhow.config import Settings
    from knowhow.workspace.advice import Reconsideration
    from knowhow.workspace.facts import Observation


def _first(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel="The five questions")


def _finer(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel="Finer answers")


_DUTIES = "Comma-separated: personal_data, deletion, permissions, on_premise."


def advise(
    goal: Annotated[str, _first("knowledge, behaviour or both.")] = "",
    changes: Annotated[str, _first("How often facts change: static, slow, fast, mixed.")] = "",
    citations: Annotated[str, _first("Must answers cite sources: yes or no.")] = "",
    examples: Annotated[str, _first("Number of clean question-answer examples.")] = "",
    volume: Annotated[str, _first("Queries per day.")] = "",
    latency: Annotated[str, _first("relaxed, interactive or tight.")] = "",
    corpus_tokens: Annotated[str, _finer("Tokens in all documents; 0: none.")] = "",
    coverage: Annotated[str, _finer("Documents hold the answers: yes, partly, no, conflicting.")] = "",
    intents: Annotated[str, _finer("one or several kinds of question.")] = "",
    example_kind: Annotated[str, _finer("checked, generated or raw_text.")] = "",
    strict_form: Annotated[str, _finer("Strict output form: yes or no.")] = "",
    probe: Annotated[str, _finer("Prompt-only score, 0 to 1.")] = "",
    retrieval: Annotated[str, _finer("good, poor or misleading.")] = "",
    sensitivity: Annotated[str, _finer(_DUTIES)] = "",
    rare_language: Annotated[str, _finer("Language rare in pre-training: yes or no.")] = "",
    priority: Annotated[str, _finer("correctness or form.")] = "",
    reasoning: Annotated[str, _finer("shallow or deep.")] = "",
    multi_hop: Annotated[str, _finer("Answers join documents: yes or no.")] = "",
    languages: Annotated[str, _finer("Codes: en,zh,ja.")] = "",
    offline: Annotated[str, _finer("Offline or on an edge device: yes or no.")] = "",
    popularity: Annotated[str, _finer("head, tail or private facts.")] = "",
    model_size: Annotated[str, _finer("small, middle or large.")] = "",
    tuned_model: Annotated[str, _finer("none, field or reader.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "--no-input", "-y", help="Ask nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Decide again from the own history.")] = False,
    backtest: Annotated[
        str, typer.Option(help="Replay over a file of comparison records, or 'packaged'.")
    ] = "",
    why: Annotated[bool, typer.Option("--why", help="Add table, studies, every assumption.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write a printable HTML page there.")] = None,
    language: Annotated[str, typer.Option("--lang", help="en, zh-Hans or ja.")] = "",
    save: Annotated[bool, typer.Option("--save/--no-save", help="Write [goal] into knowhow.toml.")] = True,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Recommend a direction from a few answers, with reasons, costs and a plan; works without a workspace.

    Example: knowhow advise --goal both --changes fast --citations yes --examples 1000 --yes
    """
    values = {name: value for name, value in locals().items() if name in _FIELDS and value != ""}
    words = _choose_language(language)
    if backtest:
        _backtest(backtest, as_json)
        return
    answers = (context := _Context(workspace)).answers(values)
    if again:
        _again(context, values, words, as_json, save)
        return
    if not yes and not as_json and sys.stdin.isatty():
        from knowhow.cli.interview import interview

        _warm_up(context, answers)
        answers = interview(answers, set(values), words)
    advice = context.advise(answers)
    if save:
        context.save(advice, words)
    if page is not None:
        _write_page(advice, page, words)
    _show(advice, words, as_json, why)


_FIELDS = (
    *(
        "goal",
        "changes",
        "citations",
        "examples",
        "volume",
        "latency",
        "corpus_tokens",
        "coverage",
        "intents",
    ),
    *("example_kind", "strict_form", "probe", "retrieval", "sensitivity", "rare_language", "priority"),
    *("reasoning", "multi_hop", "languages", "offline", "popularity", "model_size", "tuned_model"),
)


class _Context:
    """The workspace where there is one: what it shows, its settings, its history."""

    def __init__(self, root: Path) -> None:
        from knowhow.config import FILE_NAME

        self.root, self.file = root, root / FILE_NAME
        self.exists = self.file.is_file()
        self.settings: Settings | None = None
        self.goal: dict[str, Any] = {}
        self.costs: dict[str, Any] = {}
        self.observation: Observation | None = self._observe() if self.exists else None

    def _observe(self) -> Observation:
        from knowhow.workspace import Workspace

        with Workspace(self.root) as opened:
            self.settings = opened.settings
            self.goal, self.costs = dict(opened.settings.goal), dict(opened.settings.costs)
            return opened.observe()

    def answers(self, flags: dict[str, Any]) -> Answers:
        from knowhow.workspace.facts import gather_answers

        return gather_answers(self.observation, self.goal, flags, "advise")

    def advise(self, answers: Answers) -> Advice:
        from knowhow.advisor.advice import advise as give_advice
        from knowhow.workspace.facts import gather_assumptions

        seen = self.observation
        return give_advice(
            answers,
            gather_assumptions(seen, self.costs),
            seen.facts if seen else None,
            measurement=seen.measurement if seen else None,
        )

    def save(self, advice: Advice, language: str) -> None:
        from knowhow.advisor.goal import record_decision, write_goal
        from knowhow.advisor.labels import LABELS
        from knowhow.advisor.translation import Translator
        from knowhow.cli.output import print_note
        from knowhow.workspace.facts import decisions_path

        if not self.exists:
            return
        write_goal(self.file, advice)
        record_decision(
            decisions_path(self.root), advice, self.observation.facts if self.observation else None
        )
        print_note(Translator(language).show(LABELS["saved"].fill(path=str(self.file))))


def _warm_up(context: _Context, answers: Answers) -> None:
    """Load what advice needs before the first question, so that it comes at once after the last one."""
    import rich.table  # noqa: F401 - loaded for later

    from knowhow.cli.output import console

    console()
    context.advise(answers)


def _show(advice: Advice, language: str, as_json: bool, is_full: bool) -> None:
    from knowhow.cli.output import console, print_json

    if as_json:
        from knowhow.advisor.export import to_json

        print_json(to_json(advice, language))
        return
    from knowhow.advisor.terminal import print_advice

    print_advice(advice, console(), language, is_full=is_full)


def _again(context: _Context, flags: dict[str, Any], language: str, as_json: bool, save: bool) -> None:
    from knowhow.advisor.export import reconsideration_to_json
    from knowhow.advisor.terminal import print_changes, print_triggers
    from knowhow.cli.output import console, print_json
    from knowhow.errors import NotFoundError

    if context.observation is None or context.settings is None:
        raise NotFoundError(
            f"There is no {context.file}, so there is no history to decide from. Use 'knowhow advise' without --again."
        )
    from knowhow.workspace.advice import reconsider

    found = reconsider(context.settings, context.observation, flags)
    if save:
        context.save(found.after, language)
    if as_json:
        print_json(
            reconsideration_to_json(
                found.before, found.after, found.changes, found.earlier, found.day, language
            )
        )
    else:
        print_changes(found.changes, found.day, console(), language)
        print_triggers(found.before, console(), language)
        _show(found.after, language, as_json, False)
    _say_what_changed(found, language)


def _say_what_changed(found: Reconsideration, language: str) -> None:
    from knowhow.advisor.labels import LABELS
    from knowhow.advisor.outcomes import DESCRIPTIONS
    from knowhow.advisor.translation import Translator
    from knowhow.cli.output import print_note

    show, after = Translator(language).show, found.after.description.title
    if found.earlier is None:
        print_note(show(LABELS["no_earlier"]))
    elif found.earlier is found.after.outcome:
        print_note(show(LABELS["unchanged"].fill(outcome=after)))
    else:
        print_note(show(LABELS["changed"].fill(before=DESCRIPTIONS[found.earlier].title, after=after)))


def _write_page(advice: Advice, path: Path, language: str) -> None:
    from datetime import UTC, datetime

    from knowhow.advisor.labels import LABELS
    from knowhow.advisor.page import render_page
    from knowhow.advisor.translation import Translator
    from knowhow.cli.output import print_note
    from knowhow.storage import write_text

    write_text(path, render_page(advice, language, day=datetime.now(UTC).date().isoformat()))
    print_note(Translator(language).show(LABELS["page_saved"].fill(path=str(path))))


def _backtest(source: str, as_json: bool) -> None:
    from knowhow.advisor.backtest import run_backtest
    from knowhow.advisor.evidence import read_cases
    from knowhow.advisor.tables import print_backtest
    from knowhow.cli.output import console, print_json

    result = run_backtest(None if source == "packaged" else read_cases(Path(source)))
    if as_json:
        print_json(result)
    else:
        print_backtest(result, console())


def _choose_language(wanted: str) -> str:
    """The option, else the environment's language where it is known, else English."""
    from knowhow.advisor.translation import match_language
    from knowhow.errors import ConfigError

    if wanted:
        return match_language(wanted)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            try:
                return match_language(os.environ[name])
            except ConfigError:
                break
    return "en"
