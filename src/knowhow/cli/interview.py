"""Ask the advisor's questions on the terminal: Enter keeps what the workspace suggests."""

from __future__ import annotations

import sys
from collections.abc import Collection

from knowhow.advisor.answers import Answers, parse_answers
from knowhow.advisor.labels import LABELS
from knowhow.advisor.questions import FINER_QUESTIONS, FIRST_QUESTIONS, Question, label_answer, matters
from knowhow.advisor.text import Number
from knowhow.advisor.translation import Translator
from knowhow.errors import ConfigError


def interview(answers: Answers, given: Collection[str], language: str) -> Answers:
    """Ask the first questions, then each finer one that can still matter; fields in `given` are not asked again."""
    translator = Translator(language)
    number = 0
    for question in (*FIRST_QUESTIONS, *FINER_QUESTIONS):
        if question.field in given:
            continue
        if question in FINER_QUESTIONS and not matters(question, answers):
            continue
        number += 1
        answers = _ask(question, answers, number, translator)
    return answers


def _ask(question: Question, answers: Answers, number: int, translator: Translator) -> Answers:
    show = translator.show
    _say(f"\n{show(LABELS['question_of'].fill(number=Number(number)))}: {show(question.text)}")
    _say(f"  {show(LABELS['why_we_ask'])}: {show(question.why)}")
    for position, option in enumerate(question.options, start=1):
        _say(f"  {position}) {show(option.label)}")
    default = show(LABELS["default"].fill(value=label_answer(answers, question.field)))
    while True:
        typed = _read(f"  [{default}] > ")
        if typed == "":
            return answers
        try:
            return parse_answers({question.field: _resolve(question, typed)}, answers)
        except ConfigError:
            _say(f"  {show(LABELS['no_such_choice' if question.options else 'no_such_number'])}")


def _resolve(question: Question, typed: str) -> str:
    """Turn list positions into choices; words pass through, and so do numbers of numeric questions."""
    if not question.options:
        return typed.replace(",", "") if question.field != "languages" else typed
    parts = [part.strip() for part in typed.split(",")] if question.is_many else [typed.strip()]
    chosen = []
    for part in parts:
        if part.isdigit():
            position = int(part)
            if question.is_many and position == 0:
                continue
            if not 1 <= position <= len(question.options):
                raise ConfigError(f"There is no choice {position}.")
            chosen.append(question.options[position - 1].value)
        else:
            chosen.append(part)
    return ",".join(chosen)


def _read(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if line == "":
        _say("")
    return line.strip()


def _say(text: str) -> None:
    print(text, file=sys.stderr)
