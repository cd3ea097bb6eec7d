from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.unit.advisor.test_output import Page

from knowhow.advisor.advice import advise
from knowhow.advisor.answers import Answers, Change, Goal, Sensitivity, Tri
from knowhow.advisor.form import read_form, render_form
from knowhow.errors import ConfigError

BASE = Answers(Goal.KNOWLEDGE)
CASE = Answers(
    Goal.BOTH,
    Change.FAST,
    Tri.YES,
    1_000,
    sensitivity=frozenset({Sensitivity.DELETION, Sensitivity.PERMISSIONS}),
    languages=("en", "ja"),
    probe=0.25,
)


def names_of(page: Page) -> set[str]:
    return {value for name, value in page.attributes if name == "name"}


def test_the_first_page_asks_the_first_questions_only():
    page = Page(render_form(BASE))
    assert names_of(page) == {
        "viewport",
        "lang",
        "goal",
        "changes",
        "citations",
        "examples",
        "volume",
        "latency",
    }


@pytest.mark.parametrize("language", ["en", "zh-Hans", "ja"])
def test_the_form_shows_advice_and_finer_questions_and_loads_nothing(language):
    text = render_form(CASE, language, advice=advise(CASE))
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img"} & set(page.tags)
    assert {"coverage", "intents", "sensitivity"} <= names_of(page)
    assert 'role="status"' in text
    assert "{{" not in text


def test_answers_survive_every_link():
    page = Page(render_form(CASE, "ja", advice=advise(CASE)))
    links = [value for name, value in page.attributes if name == "href"]
    assert len(links) == 4
    for link in links:
        values = parse_qs(urlsplit(link).query)
        assert read_form(values, BASE) == CASE
    assert any("view=page" in link for link in links)


def test_empty_fields_are_unanswered_and_other_names_are_left_alone():
    values = {"goal": ["behaviour"], "changes": [""], "examples": [" "], "lang": ["zh"], "view": ["page"]}
    assert read_form(values, BASE) == Answers(Goal.BEHAVIOUR)


def test_a_wrong_value_is_named():
    with pytest.raises(ConfigError, match="examples"):
        read_form({"examples": ["many"]}, BASE)


def test_what_was_typed_is_escaped():
    case = read_form({"languages": ['"><script>alert(1)</script>']}, BASE)
    text = render_form(case, advice=advise(case))
    assert "<script>" not in text
