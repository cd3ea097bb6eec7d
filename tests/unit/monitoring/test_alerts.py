"""Alerts reach the address that was configured, signed, in spite of failures, and nothing else is ever contacted."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from knowhow.config import parse_settings
from knowhow.errors import ConfigError
from knowhow.monitoring.alerts import SIGNATURE, Alert, Outbox, find_address, read_alerts
from knowhow.operation import AlertSettings
from knowhow.workspace.doctor import contactable_hosts

ALERT = Alert("guard", "release-1", "Too many answers failed.")


class Receiver:
    """Takes what is sent and answers with the given statuses, in order, then 204."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.taken: list[tuple[str, bytes, Mapping[str, str]]] = []

    def __call__(self, address: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.taken.append((address, body, headers))
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            raise ConnectionRefusedError
        return status


def test_without_an_address_an_alert_is_only_kept(tmp_path: Path) -> None:
    receiver = Receiver()
    outbox = Outbox(tmp_path / "alerts.jsonl", AlertSettings(), receiver)
    assert outbox.put(ALERT) is not None
    assert outbox.deliver() == 0
    assert receiver.taken == []
    assert [alert.text for alert in read_alerts(tmp_path / "alerts.jsonl")] == [ALERT.text]


def test_a_failure_is_tried_again_with_growing_pauses(tmp_path: Path) -> None:
    receiver = Receiver(0, 500)
    outbox = Outbox(tmp_path / "a.jsonl", AlertSettings("https://hooks.example/x"), receiver)
    raised = outbox.put(ALERT)
    assert raised is not None
    start = raised.time + 1
    assert outbox.deliver(start) == 0
    assert outbox.deliver(start + 4) == 0
    assert len(receiver.taken) == 1
    assert outbox.deliver(start + 5) == 0
    assert outbox.deliver(start + 14) == 0
    assert len(receiver.taken) == 2
    assert outbox.deliver(start + 15) == 1
    assert outbox.deliver(start + 9999) == 0
    assert len(receiver.taken) == 3
    assert {json.loads(body)["id"] for _, body, _ in receiver.taken} == {raised.id}


def test_what_waited_is_sent_after_a_restart_and_what_was_taken_is_not(tmp_path: Path) -> None:
    path, settings = tmp_path / "a.jsonl", AlertSettings("https://hooks.example/x")
    first = Outbox(path, settings, Receiver())
    first.put(ALERT)
    first.deliver()
    Outbox(path, settings, Receiver(0)).put(Alert("drift", "questions", "Drift."))
    receiver = Receiver()
    assert Outbox(path, settings, receiver).deliver() == 1
    assert json.loads(receiver.taken[0][1])["kind"] == "drift"


def test_it_gives_up_after_the_attempts(tmp_path: Path) -> None:
    settings = AlertSettings("https://hooks.example/x", attempts=2)
    receiver = Receiver(500, 500, 500)
    outbox = Outbox(tmp_path / "a.jsonl", settings, receiver)
    raised = outbox.put(ALERT)
    assert raised is not None
    for late in (1, 100, 1000, 10_000):
        outbox.deliver(raised.time + late)
    assert len(receiver.taken) == 2


def test_the_same_alert_is_raised_once_an_hour(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.jsonl", AlertSettings())
    assert outbox.put(ALERT) is not None
    assert outbox.put(ALERT) is None
    assert outbox.put(Alert("guard", "release-2", "Other.")) is not None
    assert Outbox(tmp_path / "a.jsonl", AlertSettings()).put(ALERT) is None


def test_the_signature_covers_the_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_KEY", "secret")
    receiver = Receiver()
    outbox = Outbox(
        tmp_path / "a.jsonl", AlertSettings("https://hooks.example/x", secret_env="HOOK_KEY"), receiver
    )
    outbox.put(ALERT)
    outbox.deliver()
    _, body, headers = receiver.taken[0]
    assert headers[SIGNATURE] == "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert "secret" not in body.decode()


@contextmanager
def listening(status: int, location: str = "") -> Iterator[tuple[str, list[bytes]]]:
    taken: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?x=1", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_over_a_real_connection(tmp_path: Path) -> None:
    with listening(200) as (address, taken):
        outbox = Outbox(tmp_path / "a.jsonl", AlertSettings(address))
        outbox.put(ALERT)
        assert outbox.deliver() == 1
        assert json.loads(taken[0])["subject"] == "release-1"


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with listening(200) as (other, elsewhere), listening(302, other) as (address, taken):
        outbox = Outbox(tmp_path / "a.jsonl", AlertSettings(address))
        outbox.put(ALERT)
        assert outbox.deliver() == 0
        assert (len(taken), elsewhere) == (1, [])


@pytest.mark.parametrize("address", ["file:///etc/passwd", "hooks.example", "https://"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="webhook"):
        find_address(AlertSettings(address))


def test_the_doctor_lists_every_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "https://hooks.example/secret")
    values = {
        "alerts": {"webhook_env": "HOOK"},
        "monitoring": {"otlp": "http://traces.example:4318/v1/traces"},
        "stream": {"servers": "kafka1.example:9092, kafka2.example:9092", "topic": "documents"},
    }
    assert contactable_hosts(parse_settings(values, tmp_path)) == [
        "hooks.example",
        "kafka1.example:9092",
        "kafka2.example:9092",
        "traces.example:4318",
    ]
