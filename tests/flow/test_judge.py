"""A judge from knowhow.toml: it speaks only where it agrees with the user's labels, and the report says what its agreement is."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.flow.test_compare import workspace  # noqa: F401 - the fixture

from knowhow.cli import main
from knowhow.registry import register
from knowhow.testing.fakes import FakeGenerator

FACTS = [f"The keeper of gate {number} is person{number}." for number in range(15)]


def _judge(text: str) -> str:
    """Supported where the answer stands in the passages word for word."""
    passages, _, rest = text.partition("\n\nQuestion:")
    answer = rest.partition("Answer to check: ")[2].partition("\n")[0]
    return "SUPPORTED" if answer in passages else "UNSUPPORTED"


@register("generator", "judging")
@dataclass
class Judging(FakeGenerator):
    """A judge that looks; `bias` makes it say the same to everything."""

    bias: str = ""
    calls: ClassVar[list[int]] = []

    def __init__(self, adapter: str = "", bias: str = "") -> None:
        super().__init__(lambda conversation: bias or _judge(conversation[-1].content))

    def generate(self, conversations: Any, *arguments: Any, **named: Any) -> Any:
        """Count what is asked."""
        self.calls.append(len(conversations))
        return super().generate(conversations, *arguments, **named)


@pytest.fixture
def root(workspace: Path, tmp_path: Path) -> Path:  # noqa: F811
    copy = tmp_path / "judged"
    shutil.copytree(workspace, copy)
    rows = [
        {"question": "Who?", "answer": answer, "passages": [fact], "supported": answer == fact}
        for fact in FACTS
        for answer in (fact, "Nobody keeps it.")
    ]
    (copy / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Judging.calls.clear()
    return copy


def configure(root: Path, text: str) -> None:
    path = root / "knowhow.toml"
    path.write_text(f"{path.read_text()}\n[judge]\nlabels = 'labels.jsonl'\n{text}")


def compare(root: Path, capsys: pytest.CaptureFixture[str], *extra: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["compare", "-C", str(root), "-q", "--json", *extra]) == code
    return json.loads(capsys.readouterr().out) if code == 0 else capsys.readouterr().err


def judged(report: Any) -> dict[str, float]:
    return {
        item["name"]: item["metrics"]["judged_grounding"]["interval"]["value"]
        for item in report["strategies"]
        if "judged_grounding" in item["metrics"]
    }


def test_a_judge_that_agrees_speaks_and_is_asked_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(root, "[judge.generator]\nname = 'judging'\n")
    report = compare(root, capsys)
    assert report["judge"]["kappa"]["value"] == 1.0
    assert report["judge"]["labels"] == 30
    assert report["judge"]["problem"] == ""
    scores = judged(report)
    # rag repeats a sentence of its passages, base says that it does not know.
    assert scores["rag"] == 1.0
    assert scores["base"] == 0.0
    assert any("kappa 1.00" in limit and "agrees with you" in limit for limit in report["limits"])
    page = next((root / ".knowhow" / "runs").glob(f"{report['id']}/report.html")).read_text()
    assert "judge&#39;s agreement, kappa" in page
    asked = sum(Judging.calls)
    again = compare(root, capsys)
    assert {**again, "volatile": {}} == {**report, "volatile": {}}
    assert sum(Judging.calls) == asked
    # The report is drawn again from kept verdicts alone.
    assert main(["report", report["id"], "-C", str(root), "--json", "--rescore"]) == 0
    assert judged(json.loads(capsys.readouterr().out)) == scores
    assert sum(Judging.calls) == asked


def test_a_judge_may_decide(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(root, "[judge.generator]\nname = 'judging'\n")
    report = compare(root, capsys, "--metric", "judged_grounding", "-s", "base,rag")
    assert report["decisive"] == "judged_grounding"
    assert report["recommendation"]["strategy"] == "rag"


@pytest.mark.parametrize("bias", ["SUPPORTED", "I cannot say."])
def test_a_judge_that_does_not_agree_is_silent_and_says_why(
    root: Path, capsys: pytest.CaptureFixture[str], bias: str
) -> None:
    configure(root, f"[judge.generator]\nname = 'judging'\nbias = '{bias}'\n")
    report = compare(root, capsys, "-s", "base,rag")
    assert judged(report) == {}
    assert report["judge"]["kappa"]["value"] == 0.0
    assert "must reach 0.40" in report["judge"]["problem"]
    assert any(limit.startswith("The judge is silent (kappa 0.00") for limit in report["limits"])
    assert sum(Judging.calls) in (30, 30 + report["judge"]["unreadable"])
    error = compare(root, capsys, "--metric", "judged_grounding", "-s", "base,rag", code=3)
    assert "judged_grounding cannot decide" in error


def test_mistakes_are_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs a judge" in compare(root, capsys, "--metric", "judged_grounding", code=2)
    configure(root, "[judge.generator]\nname = 'judgin'\n")
    assert "Did you mean 'judging'" in compare(root, capsys, code=2)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"question": "Q", "answer": "A", "passages": ["P"], "supported": "maybe"}'], "labels.jsonl:1"),
        (['{"question": "Q", "answer": "A", "passages": ["P"], "supported": true}', "{"], "labels.jsonl:2"),
        (['{"question": "Q", "answer": "A", "supported": true}'], "at least one passage"),
        (['{"question": "Q", "answer": "A", "passages": ["P"], "supported": true}'] * 30, "of 1 kind"),
    ],
)
def test_unusable_labels_are_named(
    root: Path, capsys: pytest.CaptureFixture[str], lines: list[str], words: str
) -> None:
    configure(root, "")
    (root / "labels.jsonl").write_text("\n".join(lines))
    assert words in compare(root, capsys, code=2)


class Endpoint(BaseHTTPRequestHandler):
    """Chat completions that judge; `down` answers 400 to everything that is no label."""

    down = False

    def do_POST(self) -> None:
        """Answer one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][-1]["content"]
        if self.down and "keeper of gate" not in text:
            return self._send(400, json.dumps({"error": {"message": "no"}}), "application/json")
        base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        delta = {"index": 0, "delta": {"content": _judge(text)}, "finish_reason": "stop"}
        events = [json.dumps({**base, "choices": [delta]}), "[DONE]"]
        return self._send(200, "".join(f"data: {event}\n\n" for event in events), "text/event-stream")

    def _send(self, code: int, body: str, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    pytest.importorskip("openai", reason="the OpenAI engine needs the openai extra")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


@pytest.mark.parametrize("is_down", [False, True])
def test_a_judge_behind_an_endpoint(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    is_down: bool,
) -> None:
    monkeypatch.setattr(Endpoint, "down", is_down)
    configure(
        root, f"[judge.generator]\nname = 'openai'\nmodel = 'm'\nbase_url = '{endpoint}'\nretries = 0\n"
    )
    report = compare(root, capsys, "-s", "base,rag")
    assert report["judge"]["kappa"]["value"] == 1.0
    if is_down:
        assert judged(report) == {}
        assert report["judge"]["problem"]
        assert main(["report", report["id"], "-C", str(root), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["judge"]["problem"] == report["judge"]["problem"]
    else:
        assert judged(report) == {"base": 0.0, "rag": 1.0}
