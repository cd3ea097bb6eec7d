"""The advise and evidence commands from outside."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from knowhow.advisor.answers import Answers, Change, Goal, Latency, Sensitivity, Tri
from knowhow.advisor.questions import FINER_QUESTIONS, QUESTIONS
from knowhow.cli import main
from knowhow.cli.interview import interview

FLAGS = [
    "--goal",
    "both",
    "--changes",
    "fast",
    "--citations",
    "yes",
    "--examples",
    "1000",
    "--volume",
    "3000",
]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return tmp_path


def run_json(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_advice_needs_no_workspace_and_leaves_nothing_behind(capsys, empty_folder):
    found = run_json(capsys, "advise", *FLAGS)
    assert found["outcome"] == "rag_light_fine_tuning"
    assert list(empty_folder.iterdir()) == []


def test_there_is_a_flag_for_every_question(capsys):
    assert main(["advise", "--help"]) == 0
    text = capsys.readouterr().out
    for field in QUESTIONS:
        assert f"--{field.replace('_', '-')}" in text


def test_every_flag_reaches_its_answer(capsys):
    values = {field: option.options[-1].value for field, option in QUESTIONS.items() if option.options}
    values |= {"examples": "7", "volume": "9", "corpus_tokens": "11", "probe": "0.5", "languages": "ja"}
    flags = [part for field, value in values.items() for part in (f"--{field.replace('_', '-')}", value)]
    answers = run_json(capsys, "advise", *flags)["answers"]
    assert set(answers) == set(QUESTIONS)
    assert answers["languages"] == ["ja"]
    assert answers["sensitivity"] == ["on_premise"]


@pytest.mark.parametrize(
    ("language", "word"), [("en", "Recommendation"), ("zh-Hans", "建议"), ("zh_CN", "建议"), ("ja", "推奨")]
)
def test_languages(capsys, language, word):
    assert main(["advise", *FLAGS, "--yes", "--lang", language]) == 0
    assert word in capsys.readouterr().out


def test_the_environment_chooses_the_language(capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert main(["advise", *FLAGS, "--yes"]) == 0
    assert "推奨" in capsys.readouterr().out
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert main(["advise", *FLAGS, "--yes"]) == 0
    assert "Recommendation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--goal", "speed"], "knowledge"),
        (["--examples", "lots"], "number"),
        (["--lang", "tlh"], "zh-Hans"),
        (["--again"], "knowhow advise"),
        (["--backtest", "absent.json"], "absent.json"),
    ],
)
def test_mistakes_end_with_exit_code_2_and_a_mend(capsys, arguments, word):
    assert main(["advise", *arguments, "--yes"]) == 2
    assert word in capsys.readouterr().err


def test_goal_and_history_are_kept_in_a_workspace(capsys, empty_folder):
    (empty_folder / "knowhow.toml").write_text("# mine\n[costs]\ncurrency = 'EUR'\nlabel_price = 4\n")
    found = run_json(capsys, "advise", *FLAGS)
    assert found["costs"]["currency"] == "EUR"
    assert found["costs"]["assumptions"]["label_price"]["origin"] == "set"
    text = (empty_folder / "knowhow.toml").read_text()
    assert text.startswith("# mine\n")
    assert 'outcome = "rag_light_fine_tuning"' in text
    again = run_json(capsys, "advise", "--again", "--changes", "static")
    assert again["answers"]["citations"] == "yes"
    assert again["answers"]["changes"] == "static"
    lines = (empty_folder / ".knowhow" / "advice.jsonl").read_text().splitlines()
    assert len(lines) == 2


def test_again_says_what_changed(capsys, empty_folder):
    (empty_folder / "knowhow.toml").write_text("")
    assert main(["advise", *FLAGS, "--yes"]) == 0
    assert main(["advise", "--again", "--examples", "20"]) == 0
    captured = capsys.readouterr()
    assert "RAG + light fine-tuning → Start with RAG" in captured.err
    assert "Decide again when" in captured.out


def test_without_saving_the_file_stays(capsys, empty_folder):
    (empty_folder / "knowhow.toml").write_text("# mine\n")
    assert main(["advise", *FLAGS, "--yes", "--no-save"]) == 0
    assert (empty_folder / "knowhow.toml").read_text() == "# mine\n"
    assert not (empty_folder / ".knowhow" / "advice.jsonl").exists()


def test_the_page_is_written(capsys, empty_folder):
    assert main(["advise", *FLAGS, "--yes", "--page", "advice.html", "--lang", "ja"]) == 0
    assert '<html lang="ja">' in (empty_folder / "advice.html").read_text()


def test_backtest_over_a_file(capsys, empty_folder):
    row = {
        "id": "one",
        "study_id": "s",
        "arms": {"base": 0.4, "rag": 0.7},
        "advisor_input": {"goal": "knowledge", "knowledge_in_corpus": "yes", "prompt_probe_score": 0.4},
    }
    (empty_folder / "rows.json").write_text(json.dumps([row]))
    found = run_json(capsys, "advise", "--backtest", "rows.json")
    ours = found["all_rows"][0]
    assert (ours["name"], ours["acceptable"], ours["regret"]) == ("knowhow", 1.0, 0.0)
    assert main(["advise", "--backtest", "rows.json"]) == 0
    assert "always prompt" in capsys.readouterr().out


def test_evidence_like_mine_reads_the_goal(capsys, empty_folder):
    (empty_folder / "knowhow.toml").write_text(
        '[goal]\ngoal = "behaviour"\nstrict_form = "yes"\nexamples = 3000\n'
    )
    found = run_json(capsys, "evidence", "--like-mine", "-n", "3")
    assert [item["study"] for item in found]
    assert all("ft" in item["arms"] for item in found)
    assert found[0]["citation"]
    assert main(["evidence", "-n", "2"]) == 0
    assert "acceptable:" in capsys.readouterr().out


def type_lines(monkeypatch, *lines):
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_the_interview_takes_numbers_words_and_enter(monkeypatch, capsys):
    type_lines(monkeypatch, "3", "fast", "", "nonsense", "1,200", "500", "2")
    answers = interview(Answers(Goal.KNOWLEDGE, citations=Tri.YES), set(), "en")
    assert answers.goal is Goal.BOTH
    assert answers.changes is Change.FAST
    assert answers.citations is Tri.YES
    assert answers.examples == 1_200
    assert answers.volume == 500
    asked = capsys.readouterr().err
    assert asked.count("Why we ask") >= 6
    assert "Answer with a number" in asked


def test_the_interview_asks_no_given_question_and_several_duties_at_once(monkeypatch, capsys):
    others = {field for field in QUESTIONS if field != "sensitivity"}
    type_lines(monkeypatch, "2,3")
    answers = interview(Answers(Goal.KNOWLEDGE), others, "ja")
    assert answers.sensitivity == {Sensitivity.DELETION, Sensitivity.PERMISSIONS}
    assert "質問1" in capsys.readouterr().err


def test_a_full_stop_ends_the_finer_questions(monkeypatch, capsys):
    type_lines(monkeypatch, "2", "1", "2", "400", "100", "1", ".", "1")
    answers = interview(Answers(Goal.KNOWLEDGE), set(), "en")
    assert answers == Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 400, 100, Latency.RELAXED)
    assert "a full stop (.) ends them" in capsys.readouterr().err


def test_the_interview_ends_when_the_input_ends(monkeypatch):
    type_lines(monkeypatch)
    assert interview(Answers(Goal.KNOWLEDGE), set(), "zh-Hans") == Answers(Goal.KNOWLEDGE)
    assert len(FINER_QUESTIONS) > 10


def test_advice_loads_no_heavy_library():
    code = (
        "import sys; from knowhow.cli import main; main(['advise', '--goal', 'both', '--json']);"
        "heavy = {'torch', 'scipy', 'numpy', 'transformers', 'onnxruntime', 'lxml', 'sklearn'} & set(sys.modules);"
        "sys.exit(3 if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
