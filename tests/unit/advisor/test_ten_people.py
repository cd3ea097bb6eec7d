"""Ten people with ten situations in three languages: what each is told, and that it is told in their own language."""

from __future__ import annotations

import io
import re

import pytest

from knowhow.advisor.advice import Advice, advise
from knowhow.advisor.answers import Answers, parse_answers
from knowhow.advisor.answers import Goal as Aim
from knowhow.advisor.terminal import print_advice
from knowhow.advisor.translation import Translator

PEOPLE = {
    "bank service desk": (
        "zh-Hans",
        {"goal": "both", "changes": "fast", "citations": "yes", "examples": 1000, "volume": 3000, "latency": "interactive",
         "strict_form": "yes", "example_kind": "checked", "corpus_tokens": 400_000, "coverage": "yes", "sensitivity": "personal_data"},
        "rag_light_fine_tuning", "finetuned_rag",
    ),
    "hospital library": (
        "en",
        {"goal": "both", "changes": "mixed", "citations": "yes", "examples": 800, "rare_language": "yes", "intents": "several",
         "corpus_tokens": 20_000_000, "coverage": "yes"},
        "routed_hybrid", "routed",
    ),
    "insurer with 17 fields": (
        "en",
        {"goal": "behaviour", "changes": "static", "citations": "no", "examples": 400, "volume": 20_000, "strict_form": "yes",
         "corpus_tokens": 0},
        "fine_tune", "finetuned",
    ),
    "shop owner with 25 rows": (
        "ja",
        {"goal": "behaviour", "changes": "static", "citations": "no", "examples": 25, "volume": 40, "corpus_tokens": 0},
        "prompt_only", "few_shot",
    ),
    "club with five pages": (
        "zh-Hans",
        {"goal": "knowledge", "changes": "slow", "citations": "no", "examples": 0, "volume": 30, "corpus_tokens": 2500, "coverage": "yes"},
        "prompt_only", "long_context",
    ),
    "law firm": (
        "ja",
        {"goal": "knowledge", "changes": "fast", "citations": "yes", "examples": 50, "volume": 200,
         "sensitivity": "permissions,on_premise,deletion", "corpus_tokens": 30_000_000, "coverage": "yes"},
        "start_with_rag", "rag",
    ),
    "news desk without documents": (
        "en",
        {"goal": "knowledge", "changes": "fast", "citations": "yes", "examples": 0, "corpus_tokens": 0},
        "not_yet", "undecided",
    ),
    "interface team": (
        "en",
        {"goal": "knowledge", "changes": "slow", "citations": "no", "examples": 5000, "example_kind": "generated",
         "retrieval": "misleading", "corpus_tokens": 900_000, "coverage": "yes"},
        "raft", "raft",
    ),
    "moderation at two million a day": (
        "zh-Hans",
        {"goal": "behaviour", "changes": "static", "citations": "no", "examples": 20_000, "example_kind": "checked",
         "volume": 2_000_000, "latency": "tight", "probe": 0.96, "strict_form": "yes", "corpus_tokens": 0},
        "fine_tune", "finetuned",
    ),
    "textbook quiz": (
        "ja",
        {"goal": "knowledge", "changes": "static", "citations": "no", "examples": 300, "probe": 0.86, "popularity": "head"},
        "prompt_only", "few_shot",
    ),
}  # fmt: skip
_LETTERS = {"zh-Hans": re.compile(r"[\u4e00-\u9fff]"), "ja": re.compile(r"[\u3040-\u30ff]")}


def ask(name: str) -> tuple[Advice, str]:
    language, answers, _, _ = PEOPLE[name]
    return advise(parse_answers(answers, Answers(Aim.KNOWLEDGE))), language


@pytest.mark.parametrize("name", PEOPLE)
def test_each_gets_the_advice_that_stands_up_to_questions(name: str) -> None:
    advice, _ = ask(name)
    assert (str(advice.outcome), advice.strategy) == PEOPLE[name][2:]
    # Whoever must cite, delete, restrict or follow changes is never sent to weights alone.
    answers = advice.answers
    if str(answers.citations) == "yes" or str(answers.changes) in ("fast", "mixed"):
        assert str(advice.outcome) != "fine_tune"
    assert advice.used
    assert advice.flips
    # The first thing to do is never a training, and the last is to decide again.
    assert not {"finetuned", "finetuned_rag", "raft"} & set(advice.stages[0].strategies)
    assert advice.stages[-1].name == "decide_again"
    # No advice about retrieval for somebody who has nothing to retrieve.
    notes = " ".join(Translator("en").show(note) for note in advice.notes)
    assert answers.corpus_tokens != 0 or "retriev" not in notes


@pytest.mark.parametrize("name", PEOPLE)
def test_each_is_told_in_the_own_language(name: str) -> None:
    from rich.console import Console

    advice, language = ask(name)
    stream = io.StringIO()
    print_advice(advice, Console(file=stream, width=300), language)
    lines = [line.strip() for line in stream.getvalue().splitlines() if line.strip()]
    assert len(lines) > 30
    if language in _LETTERS:
        words = [line for line in lines if re.search(r"[a-z]{4}", line) and not line.startswith("$")]
        untranslated = [line for line in words if not _LETTERS[language].search(line) and " " in line]
        assert untranslated == []
