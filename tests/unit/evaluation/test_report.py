"""The report's four forms: complete, equal for equal inputs, safe against what documents and answers contain, and small."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.unit.evaluation.experiments import DIAGNOSTIC, RETRIEVES, make_arm, make_examples, make_plan, right

from knowhow.evaluation.analysis import build_report
from knowhow.evaluation.arms import Goal
from knowhow.evaluation.expectations import Expectation, Prior
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.report import print_report, render_html, render_markdown, report_to_json, write_report
from knowhow.evaluation.report.charts import (
    _label_sides,
    _spread,
    expectation_bars,
    ladder_steps,
    quality_bars,
    quality_cost_plane,
)
from knowhow.evaluation.report.html import MAX_BYTES
from knowhow.evaluation.report.questions import compare_questions
from knowhow.evaluation.results import Report
from knowhow.evaluation.runs import find_run, load_run
from knowhow.types import Answer, Chunk, Citation, Hit, Interval

EXAMPLES = make_examples(120)
HOSTILE = (
    '<script>alert(1)</script><img src="https://evil.example/x.png" onerror=alert(1)>'
    '"><svg onload=alert(1)> {{ 7*7 }} {% raw %} </details></style> <a href="javascript:alert(1)">x</a>'
    " ![pixel](https://evil.example/p.png) | a | b |"
)


PRIOR = Prior(
    "Start with RAG",
    "rag",
    "2026-02-03",
    "The measurement bears the advice out.",
    (
        Expectation(
            "RAG over prompt",
            Interval(16, 8, 24),
            7,
            Interval(38.6, 30, 47),
            "rag – base",
            "39 points [30, 47] (rag – base)",
            "more than expected",
        ),
        Expectation(
            "RAG with fine-tuning over RAG", Interval(3, -2, 9), 5, None, "", "not measured", "not measured"
        ),
    ),
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    arms = [
        make_arm("base", EXAMPLES, 0.2, prompt_tokens=40),
        make_arm("rag", EXAMPLES, 0.6, RETRIEVES, prompt_tokens=700),
        make_arm("oracle", EXAMPLES, 0.8, DIAGNOSTIC),
    ]
    plan = make_plan(
        tmp_path_factory.mktemp("report"),
        EXAMPLES,
        arms,
        settings={"effort": "quick", "index": {"name": "x"}},
        environment={"python": "3"},
    )
    return replace(build_report(run_experiment(plan), plan.metrics), prior=PRIOR)


def hostile(report: Report) -> Report:
    """The same report with markup in every place that data can reach."""
    record = report.record
    answers = {
        arm: {
            example: Answer(
                HOSTILE,
                (Citation(1, "c", HOSTILE, 0, 1, HOSTILE, HOSTILE, heading=(HOSTILE,)),),
                violations=(HOSTILE,),
                error=HOSTILE if number % 7 == 0 else None,
                hits=(Hit(Chunk("c", HOSTILE, HOSTILE, 0, 1, source=HOSTILE), 1.0),),
            )
            for number, example in enumerate(found)
        }
        for arm, found in record.answers.items()
    }
    record = replace(
        record,
        answers=answers,
        examples=tuple(
            replace(item, question=f"{HOSTILE} {item.id}", references=(HOSTILE,)) for item in record.examples
        ),
        settings={"prompt": {"instructions": HOSTILE}},
        environment={"generator": HOSTILE},
        index_version=HOSTILE,
    )
    advice = replace(report.recommendation, headline=HOSTILE, reasons=(HOSTILE,), next_steps=(HOSTILE,))
    prior = Prior(
        HOSTILE, HOSTILE, HOSTILE, HOSTILE, (replace(PRIOR.steps[0], step=HOSTILE, reading=HOSTILE),)
    )
    return replace(report, record=record, recommendation=advice, limits=(HOSTILE,), prior=prior)


class Audit(HTMLParser):
    """Collects tags and every attribute that could run or fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.suspicious: list[tuple[str, str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            is_local = name == "href" and (value or "").startswith("#")
            if name.startswith("on") or (
                name in {"src", "href", "srcset", "action", "data", "xlink:href"} and not is_local
            ):
                self.suspicious.append((tag, name, value))
        if tag not in {"meta", "line", "circle", "rect", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "line", "circle", "rect", "br"}:
            assert self.open.pop() == tag


@pytest.mark.parametrize("is_hostile", [False, True])
def test_the_page_runs_nothing_and_fetches_nothing(report: Report, is_hostile: bool) -> None:
    page = render_html(hostile(report) if is_hostile else report)
    audit = Audit()
    audit.feed(page)
    assert audit.open == []
    assert audit.suspicious == []
    assert not audit.tags & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "form",
        "base",
        "video",
        "audio",
    }
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "default-src 'none'" in page
    assert len(page.encode()) <= MAX_BYTES
    assert ("{{ 7*7 }}" in page) == is_hostile


def test_the_page_says_the_verdict_first_and_holds_all_parts(report: Report) -> None:
    page = render_html(report)
    places = [
        page.index(text)
        for text in (
            "<h1>Use rag",
            "<h2>Quality</h2>",
            "<h2>Pair by pair",
            "<h2>Quality and cost",
            "<h2>Latency",
            "<h2>Where the score is lost",
            "<h2>Questions side by side",
            "<h2>Limits",
            "<h2>To reproduce it",
            'id="volatile"',
        )
    ]
    assert places == sorted(places)
    for name in ("base", "rag", "oracle"):
        assert f"</i>{name}" in page
    assert "index.name" in page


def test_a_huge_comparison_stays_small(report: Report) -> None:
    record = report.record
    answers = {
        arm: {example: Answer("漢字 <b> " * 300, hits=answer.hits) for example, answer in found.items()}
        for arm, found in record.answers.items()
    }
    examples = tuple(
        replace(item, question="问 " * 900, references=("答 " * 900,) * 3) for item in record.examples
    )
    page = render_html(replace(report, record=replace(record, answers=answers, examples=examples)))
    assert len(page.encode()) <= MAX_BYTES
    assert "Questions side by side" in page


def test_markdown_carries_no_markup_of_the_data(report: Report) -> None:
    text = render_markdown(hostile(report))
    assert not re.search(r"(?<!\\)<(?!!-- volatile --)", text)
    assert not re.search(r"(?<!\\)!\\?\[", text)
    assert text.startswith("# \\<script\\>")
    plain = render_markdown(report)
    assert plain.startswith("# Use rag")
    table = [line for line in plain.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table[:5]}) == 1


def test_json_is_valid_and_marks_what_varies(report: Report) -> None:
    value = report_to_json(report)
    text = json.dumps(value, allow_nan=False)
    assert set(json.loads(text)) >= {
        "recommendation",
        "strategies",
        "comparisons",
        "diagnosis",
        "limits",
        "environment",
        "volatile",
    }
    assert value["recommendation"]["strategy"] == "rag"


def test_the_terminal_shows_every_strategy_and_no_markup_is_read(report: Report) -> None:
    from rich.console import Console

    out = io.StringIO()
    advice = replace(report.recommendation, headline="Use [red]rag[/red]: see [1]")
    print_report(replace(report, recommendation=advice), Console(file=out, width=160, highlight=False))
    text = out.getvalue()
    assert "Use [red]rag[/red]: see [1]" in text
    assert all(name in text for name in ("base", "rag", "oracle", "diagnostic only", "given up after"))
    assert "[95%]" in text


def test_rescoring_writes_the_same_report_and_asks_nothing(tmp_path: Path) -> None:
    arms = [make_arm("base", EXAMPLES, 0.2), make_arm("rag", EXAMPLES, 0.6, RETRIEVES)]
    plan = make_plan(tmp_path, EXAMPLES, arms)
    page = write_report(build_report(run_experiment(plan), plan.metrics), find_run(plan.runs))
    before = {path.name: path.read_bytes() for path in page.parent.iterdir() if path.is_file()}
    asked = [list(arm.strategy.pipeline.asked) for arm in arms]
    write_report(build_report(load_run(page.parent), plan.metrics), page.parent)
    after = {path.name: path.read_bytes() for path in page.parent.iterdir() if path.is_file()}
    assert after == before
    assert [arm.strategy.pipeline.asked for arm in arms] == asked
    stricter = {"exact_match": lambda example, answer: 0.0}
    assert build_report(load_run(page.parent), stricter).quality("rag").value == 0.0


CHILD = """
import sys
from pathlib import Path
from knowhow.evaluation.analysis import build_report
from knowhow.evaluation.arms import Goal
from knowhow.evaluation.report import write_report
from knowhow.evaluation.runs import load_run
from tests.unit.evaluation.experiments import right
folder = Path(sys.argv[1])
write_report(build_report(load_run(folder), {"exact_match": right}), folder)
"""


def test_bytes_depend_on_the_run_alone(report: Report, tmp_path: Path) -> None:
    from knowhow.evaluation.runs import save_run

    root, pages = Path(__file__).parents[3], []
    for number, (seed, zone, locale) in enumerate(
        [("0", "UTC", "C.UTF-8"), ("77", "Asia/Shanghai", "POSIX")]
    ):
        folder = tmp_path / str(number)
        save_run(report.record, folder)
        environment = {
            **os.environ,
            "PYTHONPATH": str(root),
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LC_ALL": locale,
        }
        subprocess.run([sys.executable, "-c", CHILD, str(folder)], cwd=root, env=environment, check=True)
        pages.append(
            {
                name: (folder / name).read_bytes()
                for name in ("report.json", "report.md", "report.html", "scores.jsonl")
            }
        )
    assert pages[0] == pages[1]
    other = replace(report, record=replace(report.record, volatile={"finished": "2031-01-01", "seconds": 9}))
    one, two = (
        re.sub(r'<footer id="volatile">.*?</footer>', "", render_html(item), flags=re.DOTALL)
        for item in (report, other)
    )
    assert one == two


def test_questions_that_decided_come_first(report: Report) -> None:
    found = compare_questions(report)
    spreads = [item.spread for item in found]
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[0] == 1.0
    cards = {card.name: card for card in found[0].cards}
    assert cards["rag"].is_best != cards["base"].is_best
    assert not cards["oracle"].is_best
    assert any("evidence" in remark for remark in cards["rag"].remarks)


def test_expected_stands_beside_measured_in_every_form(report: Report) -> None:
    from rich.console import Console

    stream = io.StringIO()
    print_report(report, Console(file=stream, width=300))
    for text in (stream.getvalue(), render_markdown(report), render_html(report)):
        for wanted in (
            "Expected and measured",
            "Advice before measuring on 2026-02-03: Start with RAG",
            "RAG over prompt",
            "more than expected",
            "not measured",
        ):
            assert wanted in text.replace("\\", "")
    assert report_to_json(report)["prior"]["steps"][0]["measured"]["value"] == 38.6
    bare = replace(report, prior=None)
    assert "Expected and measured" not in render_html(bare) + render_markdown(bare)
    assert report_to_json(bare)["prior"] is None


def test_expected_and_measured_share_one_axis() -> None:
    changes = expectation_bars(PRIOR)
    assert changes is not None
    first, second = changes.rows
    # The axis goes from -10 to 50 in steps of 10.
    assert [tick.label for tick in changes.ticks] == ["-10", "0", "+10", "+20", "+30", "+40", "+50"]
    assert changes.zero == pytest.approx(100 / 6, abs=0.01)
    assert (first.low, first.point, first.high) == pytest.approx((30, 43.33, 56.67), abs=0.01)
    assert (first.measured_low, first.measured, first.measured_high) == pytest.approx(
        (66.67, 81, 95), abs=0.01
    )
    assert second.measured is None
    unpaired = replace(PRIOR.steps[0], measured=Interval(20, float("nan"), float("nan")))
    found = expectation_bars(replace(PRIOR, steps=(unpaired,)))
    assert found is not None
    assert found.rows[0].measured_low == found.rows[0].measured_high == found.rows[0].measured
    assert expectation_bars(replace(PRIOR, steps=())) is None


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (Goal(), []),
        (Goal(citations=True, max_latency_ms=5000), ["answers must cite sources", "P99 at most 5.0 s"]),
        (
            Goal(min_quality=0.7, questions_per_month=3000),
            ["a score of at least 0.70", "3,000 questions and 1 update of the facts a month"],
        ),
    ],
)
def test_the_page_says_which_goal_was_set(report: Report, goal: Goal, words: list[str]) -> None:
    page = render_html(replace(report, record=replace(report.record, goal=goal)))
    assert ("Set under [goal]" in page) == bool(words)
    for word in words:
        assert word in page


def test_chart_geometry(report: Report) -> None:
    bars, ticks = quality_bars(report)
    assert [bar.name for bar in bars if not bar.is_faint] == ["rag", "base"]
    assert all(0 <= bar.low <= bar.point <= bar.high <= 100 for bar in bars)
    assert [tick.place for tick in ticks] == [0, 25, 50, 75, 100]
    assert quality_cost_plane(report) is not None
    steps = ladder_steps(report)
    assert [step.kind for step in steps] == ["reached"] * 3 + ["missing"] * 3
    assert all(0 <= step.low <= step.high <= 100 for step in steps)


def test_labels_keep_apart() -> None:
    points = [(70.0, 20.0), (72.0, 21.0), (10.0, 50.0), (11.0, 50.5)]
    sides = _label_sides(points)
    heights = _spread(points, sides)
    for one in range(4):
        for other in range(one):
            is_near = abs(points[one][0] - points[other][0]) < 30 and sides[one] == sides[other]
            assert not is_near or abs(heights[one] - heights[other]) >= 7


def test_right_is_a_metric_of_these_tests(report: Report) -> None:
    example = report.record.examples[0]
    assert right(example, Answer(example.references[0])) == 1.0
