"""The questions as an HTML form that works without script: every answer stands in the address, nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import urlencode

from knowhow.advisor.advice import Advice
from knowhow.advisor.answers import Answers, parse_answers
from knowhow.advisor.labels import LABELS
from knowhow.advisor.measurement import describe_judgement
from knowhow.advisor.questions import FINER_QUESTIONS, FIRST_QUESTIONS, QUESTIONS, Question, matters
from knowhow.advisor.summary import STARTING_POINT, describe_confidence
from knowhow.advisor.text import Text
from knowhow.advisor.translation import LANGUAGE_NAMES, Translator


@dataclass(frozen=True, slots=True)
class Field:
    """One question as a form field: `kind` is radio, checkbox or text; options as (value, label, is chosen)."""

    name: str
    kind: str
    text: Text
    why: Text
    options: tuple[tuple[str, Text, bool], ...]
    value: str


def read_form(values: Mapping[str, Sequence[str]], base: Answers) -> Answers:
    """Return `base` with the form's values (lists by name, as in a query string); ConfigError names a wrong one.

    Empty values mean unanswered, names that are no question (such as `lang`) are left to the caller.
    """
    given: dict[str, str] = {}
    for name, items in values.items():
        text = ",".join(item.strip() for item in items if item.strip())
        if name in QUESTIONS and text:
            given[name] = text
    return parse_answers(given, base, "the form")


def render_form(
    answers: Answers, language: str = "en", *, action: str = "/advise", advice: Advice | None = None
) -> str:
    """Return the form as an HTML page, with the recommendation above it once there is `advice`.

    Without advice only the first questions are asked; with it also the finer ones that can still change something.
    The form is sent to `action` by GET; the link to the printable page adds `view=page`.
    """
    from jinja2 import Environment, StrictUndefined

    translator = Translator(language)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["show"] = translator.show
    source = files("knowhow.advisor").joinpath("templates", "form.html").read_text(encoding="utf-8")
    finer = [question for question in FINER_QUESTIONS if advice is not None and matters(question, answers)]
    query = _query(answers)
    return environment.from_string(source).render(
        language=translator.language,
        languages=[
            (name, title, f"{action}?{urlencode([*query, ('lang', name)])}")
            for name, title in LANGUAGE_NAMES.items()
        ],
        page=f"{action}?{urlencode([*query, ('lang', translator.language), ('view', 'page')])}",
        colon=translator.locale.colon,
        labels=LABELS,
        action=action,
        advice=advice,
        confidence=None if advice is None else describe_confidence(advice),
        judgement=describe_judgement(advice.strategy, advice.measurement)
        if advice is not None and advice.measurement is not None
        else None,
        caution=STARTING_POINT,
        groups=[
            (LABELS["five_first"], [_field(question, answers) for question in FIRST_QUESTIONS]),
            (LABELS["finer_web"], [_field(question, answers) for question in finer]),
        ],
    )


def _field(question: Question, answers: Answers) -> Field:
    value = getattr(answers, question.field)
    chosen = {str(item) for item in value} if question.is_many else {str(value)}
    options = tuple((item.value, item.label, item.value in chosen) for item in question.options)
    kind = "text" if not options else ("checkbox" if question.is_many else "radio")
    return Field(question.field, kind, question.text, question.why, options, _typed(value))


def _typed(value: object) -> str:
    if value is None or value == "unknown":
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _query(answers: Answers) -> list[tuple[str, str]]:
    """The answers as a query string's pairs; unknown ones are left out."""
    pairs = []
    for name, question in QUESTIONS.items():
        value = getattr(answers, name)
        if question.is_many:
            pairs += [(name, str(item)) for item in sorted(value)]
        elif _typed(value):
            pairs.append((name, _typed(value)))
    return pairs
