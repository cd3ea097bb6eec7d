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
    number, is_finer = 0, False
    for question in (*FIRST_QUESTIONS, *FINER_QUESTIONS):
        if question.field in given:
            continue
        if question in FINER_QUESTIONS:
            if not matters(question, answers):
                continue
            if not is_finer:
                _say(f"\n{translator.show(LABELS['finer'])}")
                is_finer = True
        number += 1
        answered = _ask(question, answers, number, translator)
        if answered is None:
            return answers
        answers = answered
    return answers


def _ask(question: Question, answers: Answers, number: int, translator: Translator) -> Answers | None:
    """Return the answers with this one put in; None when the person wants no more questions."""
    show, colon = translator.show, translator.locale.colon
    _say(f"\n{show(LABELS['question_of'].fill(number=Number(number)))}{colon}{show(question.text)}")
    _say(f"  {show(LABELS['why_we_ask'])}{colon}{show(question.why)}")
    for position, option in enumerate(question.options, start=1):
        _say(f"  {position}) {show(option.label)}")
    default = show(LABELS["default"].fill(value=label_answer(answers, question.field)))
    while True:
        typed = _read(f"  [{default}] > ")
        if typed == "":
            return answers
        if typed == ".":
            return None
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
