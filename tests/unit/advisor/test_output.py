"""JSON, page, terminal, knowhow.toml, plan and triggers."""

from __future__ import annotations

import html
import io
import json
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from knowhow.advisor.advice import advise, update_answers
from knowhow.advisor.answers import (
    Answers,
    Change,
    ExampleKind,
    Goal,
    Intents,
    Latency,
    Priority,
    Sensitivity,
    Tri,
    WorkspaceFacts,
)
from knowhow.advisor.export import to_json
from knowhow.advisor.goal import derive_limits, read_decisions, read_goal, record_decision, write_goal
from knowhow.advisor.labels import LABELS
from knowhow.advisor.measurement import (
    ExpectedMeasured,
    Measurement,
    describe_judgement,
    expected_vs_measured,
    judge_advice,
)
from knowhow.advisor.outcomes import Family, Outcome
from knowhow.advisor.page import draw_chart, render_page
from knowhow.advisor.summary import to_recommendation
from knowhow.advisor.tables import print_backtest, print_evidence
from knowhow.advisor.terminal import print_advice
from knowhow.advisor.translation import LANGUAGES, Translator
from knowhow.advisor.triggers import find_triggers
from knowhow.config import load_settings
from knowhow.errors import ConfigError
from knowhow.types import Interval

BANK = Answers(
    Goal.BOTH,
    Change.FAST,
    Tri.YES,
    1_000,
    volume=3_000,
    latency=Latency.TIGHT,
    strict_form=Tri.YES,
    example_kind=ExampleKind.CHECKED,
    sensitivity=frozenset({Sensitivity.PERMISSIONS}),
)
ROUTED = Answers(Goal.BOTH, Change.MIXED, Tri.YES, 800, intents=Intents.SEVERAL)


class Page(HTMLParser):
    """Collects tags and attributes, and checks that they nest."""

    VOID = frozenset({"input", "meta", "br", "line", "polyline", "link", "img"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answers", [BANK, ROUTED, Answers(Goal.KNOWLEDGE)], ids=["bank", "routed", "bare"])
def test_the_page_is_whole_and_loads_nothing(language, answers):
    text = render_page(advise(answers), language, day="2026-11-21")
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert f'lang="{language}"' in text
    assert "{{" not in text
    assert re.search(r"\{\w+\}", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)) is None


def test_the_page_escapes_what_the_user_wrote():
    text = render_page(advise(replace(BANK, languages=("<script>alert(1)</script>",))))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_chart_labels_do_not_overlap_and_stay_inside():
    for answers in (BANK, Answers(Goal.KNOWLEDGE, corpus_tokens=2_000, volume=10)):
        chart = draw_chart(advise(answers).costs, Translator("en"))
        heights = sorted(line.label_y for line in chart.lines)
        assert all(later - earlier >= 14.9 for earlier, later in pairwise(heights))
        assert heights[0] >= 0
        assert heights[-1] <= chart.height


@pytest.mark.parametrize("language", LANGUAGES)
def test_json_is_plain_and_whole(language):
    value = json.loads(json.dumps(to_json(advise(BANK), language), ensure_ascii=False))
    assert value["outcome"] == "rag_light_fine_tuning"
    assert set(value["exclusions"]) == {"citations", "freshness", "permissions"}
    assert value["used_answers"]["goal"]
    assert len(value["dimensions"]) == 11
    assert value["costs"]["strategies"]["rag"]["per_thousand"]["likely"] > 0
    assert value["plan"][0]["stage"] == "prompt_baseline"
    assert value["confidence"]["studies"] > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_terminal_shows_everything_in_the_language(language):
    from rich.console import Console

    stream = io.StringIO()
    print_advice(advise(ROUTED), Console(file=stream, width=200, soft_wrap=True), language, is_full=True)
    text = stream.getvalue()
    translator = Translator(language)
    advice = advise(ROUTED)
    for item in (advice.description.title, advice.reasons[0], *advice.description.trade_offs):
        assert translator.show(item) in text
    assert "[costs]" in text
    assert re.search(r"\{\w+\}", text) is None


def test_backtest_and_evidence_tables_are_printed():
    from rich.console import Console

    from knowhow.advisor.backtest import run_backtest
    from knowhow.advisor.evidence import load_evidence

    stream = io.StringIO()
    print_backtest(run_backtest(), Console(file=stream, width=100))
    text = stream.getvalue()
    assert "always hybrid" in text
    assert "expected calibration error" in text
    print_evidence(advise(BANK).nearest, load_evidence(), Console(file=stream, width=100))
    assert "acceptable:" in stream.getvalue()


def test_recommendation_is_the_shared_type():
    found = to_recommendation(advise(BANK), "ja")
    assert found.strategy == "finetuned_rag"
    assert found.is_decided
    assert 0 < found.confidence < 1
    assert found.costs["rag_per_1000_queries"] > 0
    assert any("→" in item for item in found.flips_when)
    assert not to_recommendation(advise(Answers(Goal.KNOWLEDGE, corpus_tokens=0))).is_decided


def interval(value, half=0.1):
    return Interval(value, value - half, value + half)


MEASURED = Measurement(
    "abc",
    120,
    {
        name: interval(value)
        for name, value in {"base": 0.2, "few_shot": 0.25, "rag": 0.5, "oracle": 0.9}.items()
    },
    {("rag", "few_shot"): Interval(0.26, 0.2, 0.31)},
    "rag",
    "2026-03-04",
)


def test_expected_beside_measured():
    advice = advise(Answers(Goal.KNOWLEDGE, Change.FAST, Tri.YES, 0), measurement=MEASURED)
    first, second = advice.steps
    assert (first.start, first.end) == (Family.PROMPT, Family.RAG)
    # The best of each family, by the paired difference where there is one.
    assert (first.start_strategy, first.end_strategy) == ("few_shot", "rag")
    assert [first.measured, first.measured_low, first.measured_high] == pytest.approx([26, 20, 31])
    assert second.end is Family.HYBRID
    assert second.measured is None
    assert second.reading == "not_measured"


def test_without_a_pair_the_means_are_subtracted():
    gains = advise(Answers(Goal.KNOWLEDGE)).gains
    plain = Measurement("abc", 9, MEASURED.scores)
    row = expected_vs_measured(gains, plain)[0]
    assert row.measured == pytest.approx(25)
    assert row.measured_low is None


@pytest.mark.parametrize(
    ("measured", "low", "high", "reading"),
    [
        (12, 8, 16, "as_expected"),
        (20, 20, 20, "as_expected"),
        (25, 19, 31, "within_error"),
        (25, 21, 29, "above"),
        (25, None, None, "above"),
        (2, 0, 4, "below"),
        (2, -4, 10, "within_error"),
        (None, None, None, "not_measured"),
    ],
)
def test_reading_of_a_step(measured, low, high, reading):
    row = ExpectedMeasured(Family.PROMPT, Family.RAG, 15, 10, 20, 5, measured, low, high)
    assert row.reading == reading


@pytest.mark.parametrize(
    ("advised", "measured", "strategy", "verdict"),
    [
        ("rag", ["base", "rag"], "rag", "agrees"),
        ("rag", ["base", "tuned_retriever"], "tuned_retriever", "agrees"),
        ("finetuned_rag", ["base", "rag", "raft"], "rag", "differs"),
        ("finetuned_rag", ["base", "rag"], "rag", "untested"),
        ("rag", ["base", "rag"], "undecided", "open"),
        ("undecided", ["base"], "undecided", "agrees"),
        ("undecided", ["base"], "base", "differs"),
    ],
)
def test_what_a_measurement_says_about_the_advice(advised, measured, strategy, verdict):
    found = Measurement("abc", 50, {name: interval(0.5) for name in measured}, strategy=strategy)
    assert judge_advice(advised, found) == verdict
    assert "50" in Translator("en").show(describe_judgement(advised, found))


@pytest.mark.parametrize("language", LANGUAGES)
def test_prior_and_posterior_stand_side_by_side_everywhere(language):
    from rich.console import Console

    from knowhow.advisor.form import render_form

    advice = advise(replace(BANK, latency=Latency.UNKNOWN), measurement=MEASURED)
    show = Translator(language).show
    judgement = show(describe_judgement(advice.strategy, MEASURED))
    stream = io.StringIO()
    print_advice(advice, Console(file=stream, width=400), language)
    page = render_page(advice, language)
    for text in (stream.getvalue(), html.unescape(page)):
        assert judgement in text
        assert show(LABELS["expected_measured"]) in text
        assert "26" in text
        assert "rag – few_shot" in text
    assert judgement in html.unescape(render_form(advice.answers, language, advice=advice))
    assert Page(page).open == []
    value = json.loads(json.dumps(to_json(advice, language)))["measurement"]
    assert value["verdict"] == "untested"
    assert value["text"] == judgement
    assert value["steps"][0]["measured_interval"] == [20, 31]
    assert to_json(advise(BANK))["measurement"] is None


def test_goal_is_written_beside_comments_and_other_keys(tmp_path):
    path = tmp_path / "knowhow.toml"
    path.write_text(
        '# mine\nlanguage = "en" # kept\n\n[goal]  # limits\nmin_quality = 0.7 # by hand\nmax_latency_ms = 700\n\n[costs]\ncurrency = "EUR"\n'
    )
    write_goal(path, advise(BANK), day="2026-01-02")
    text = path.read_text()
    for kept in ("# mine", "# kept", "# limits", "# by hand", '[costs]\ncurrency = "EUR"'):
        assert kept in text
    goal = tomllib.loads(text)["goal"]
    assert goal["goal"] == "both"
    assert goal["citations"] is True
    assert goal["freshness"] is True
    assert goal["permissions"] is True
    assert goal["max_latency_ms"] == 700
    assert goal["outcome"] == "rag_light_fine_tuning"
    assert goal["decided"] == "2026-01-02"
    assert read_goal(load_settings(tmp_path).goal, Answers(Goal.KNOWLEDGE)) == BANK


def test_goal_forgets_what_is_no_longer_answered_and_what_it_derived(tmp_path):
    path = tmp_path / "knowhow.toml"
    write_goal(path, advise(BANK), day="2026-01-02")
    calm = Answers(Goal.KNOWLEDGE, Change.STATIC)
    write_goal(path, advise(calm), day="2026-01-03")
    goal = tomllib.loads(path.read_text())["goal"]
    assert not {"citations", "freshness", "permissions", "max_latency_ms", "examples"} & set(goal)
    assert read_goal(goal, calm) == calm


def test_writing_the_same_goal_twice_changes_nothing(tmp_path):
    path = tmp_path / "knowhow.toml"
    path.write_text("# top\n")
    write_goal(path, advise(BANK), day="2026-01-02")
    first = path.read_bytes()
    write_goal(path, advise(BANK), day="2026-01-02")
    assert path.read_bytes() == first


def test_a_broken_file_is_not_overwritten(tmp_path):
    path = tmp_path / "knowhow.toml"
    path.write_text("[goal\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        write_goal(path, advise(BANK))
    assert path.read_text() == "[goal\n"


def test_the_comparison_reads_the_limits_that_advice_writes(tmp_path):
    from knowhow.evaluation.arms import parse_goal

    limits = parse_goal({**derive_limits(BANK), "citations": True, "changes": "fast"})
    assert limits.freshness
    assert limits.permissions
    assert limits.citations
    assert limits.max_latency_ms == 1_000
    assert limits.questions_per_month == round(3_000 * 30.4)


def test_decisions_are_kept_in_order(tmp_path):
    path = tmp_path / "advice.jsonl"
    record_decision(path, advise(BANK), moment="2026-01-01T00:00:00+00:00")
    record_decision(path, advise(ROUTED), moment="2026-02-01T00:00:00+00:00")
    assert [item["outcome"] for item in read_decisions(path)] == ["rag_light_fine_tuning", "routed_hybrid"]


def fired(answers, facts, drift=None):
    advice = advise(answers)
    return {
        item.name: item.has_fired
        for item in find_triggers(answers, advice.outcome, advice.costs, facts, drift)
    }


def test_triggers_fire_on_what_the_workspace_sees():
    answers = Answers(Goal.BOTH, Change.STATIC, Tri.NO, 30, volume=100)
    quiet = fired(answers, WorkspaceFacts(examples=40, changed_share_per_month=0.0, queries_per_day=90), 1.0)
    assert quiet == {
        "examples_reached": False,
        "documents_changed_pace": False,
        "volume_crossed": False,
        "drift": False,
        "coverage_lost": None,
    }
    loud = fired(answers, WorkspaceFacts(examples=120, changed_share_per_month=0.4, queries_per_day=1e9), 7.0)
    assert all(
        loud[name] for name in ("examples_reached", "documents_changed_pace", "volume_crossed", "drift")
    )
    assert fired(answers, WorkspaceFacts(coverage=0.5))["coverage_lost"]
    assert not fired(answers, WorkspaceFacts(coverage=0.9))["coverage_lost"]
    blind = fired(answers, None)
    assert set(blind.values()) == {None}


def test_the_documents_falling_silent_is_a_trigger_too():
    assert fired(BANK, WorkspaceFacts(changed_share_per_month=0.0))["documents_changed_pace"]


def test_found_documents_end_not_yet():
    answers = Answers(Goal.KNOWLEDGE, Change.SLOW, Tri.YES, 0, corpus_tokens=0)
    assert advise(answers).outcome is Outcome.NOT_YET
    facts = WorkspaceFacts(corpus_tokens=500_000, coverage=0.9)
    assert fired(answers, facts)["coverage_reached"]
    assert advise(update_answers(answers, facts)).outcome is Outcome.RAG


def test_collected_examples_move_the_decision_on():
    answers = Answers(Goal.BOTH, Change.FAST, Tri.YES, 20)
    assert advise(answers).outcome is Outcome.RAG
    later = update_answers(answers, WorkspaceFacts(examples=400, checked_examples=400))
    assert advise(later).outcome is Outcome.RAG_LIGHT
    assert later.citations is Tri.YES


def test_every_plan_starts_with_a_baseline_and_ends_with_deciding_again():
    for case in (BANK, ROUTED, Answers(Goal.KNOWLEDGE), Answers(Goal.BEHAVIOUR, examples=3)):
        names = [stage.name for stage in advise(case).stages]
        assert names[0] in ("prompt_baseline", "documents_in_prompt")
        assert names[-1] == "decide_again"
        assert len(names) == len(set(names))


def test_form_first_trains_before_the_review():
    form, facts = (
        [stage.name for stage in advise(replace(BANK, priority=priority)).stages]
        for priority in (Priority.FORM, Priority.CORRECTNESS)
    )
    assert form.index("hybrid") < form.index("review")
    assert facts.index("review") < facts.index("hybrid")
