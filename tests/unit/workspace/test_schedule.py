"""Each due time once, also after downtime, in any zone, and never two at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.unit.releases.workspaces import make_workspace

from knowhow.cli import main
from knowhow.config import Settings, parse_settings
from knowhow.errors import ConfigError, DataError, PolicyError
from knowhow.types import IngestResult
from knowhow.workspace.schedule import check_schedule, read_agenda, run_due

BERLIN = ZoneInfo("Europe/Berlin")


def planned(root: Path, *times: str, zone: str = "Europe/Berlin") -> Settings:
    return parse_settings({"schedule": {"ingest": list(times), "timezone": zone}}, root)


class Ingests:
    def __init__(self, *errors: Exception | None) -> None:
        self.count, self.errors = 0, list(errors)

    def __call__(self) -> IngestResult:
        self.count += 1
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        return IngestResult(added=2)


def at(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def test_each_due_time_once_and_missed_ones_together(tmp_path: Path) -> None:
    settings, ingest = planned(tmp_path, "0 3 * * *"), Ingests()
    assert run_due(settings, ingest, at("2026-11-01T10:00")) is None
    assert ingest.count == 0
    assert run_due(settings, ingest, at("2026-11-02T02:59")) is None
    done = run_due(settings, ingest, at("2026-11-02T03:00"))
    assert done is not None
    assert (done.due, done.state, done.text[:7]) == ("2026-11-02T03:00:00", "done", "2 added")
    assert run_due(settings, ingest, at("2026-11-02T03:01")) is None
    caught_up = run_due(settings, ingest, at("2026-11-09T18:00"))
    assert caught_up is not None
    assert caught_up.due == "2026-11-09T03:00:00"
    assert run_due(settings, ingest, at("2026-11-09T18:01")) is None
    assert ingest.count == 2


def test_clocks_that_are_set_back_or_forward(tmp_path: Path) -> None:
    settings, ingest = planned(tmp_path, "30 2 * * *"), Ingests()
    run_due(settings, ingest, at("2026-10-24T12:00"))
    # 2:30 comes twice on the 25th of October, and never on the 28th of March.
    assert run_due(settings, ingest, at("2026-10-25T02:30")) is not None
    assert run_due(settings, ingest, at("2026-10-25T02:30", fold=1)) is None
    assert run_due(settings, ingest, at("2027-03-28T03:00")) is not None
    assert ingest.count == 2


def test_a_failure_is_told_and_the_next_time_comes(tmp_path: Path) -> None:
    settings, ingest = planned(tmp_path, "0 3 * * *"), Ingests(DataError("is empty."))
    run_due(settings, ingest, at("2026-11-01T10:00"))
    failed = run_due(settings, ingest, at("2026-11-02T03:00"))
    assert failed is not None
    assert (failed.state, failed.text) == ("failed", "is empty.")
    agenda = read_agenda(settings, at("2026-11-02T12:00"))
    assert (agenda.following, agenda.last) == ("2026-11-03T03:00:00", failed)
    assert run_due(settings, ingest, at("2026-11-03T03:00")) is not None


def test_while_somebody_else_ingests_it_waits(tmp_path: Path) -> None:
    settings, ingest = planned(tmp_path, "0 3 * * *"), Ingests(PolicyError("Another process is busy."))
    run_due(settings, ingest, at("2026-11-01T10:00"))
    assert run_due(settings, ingest, at("2026-11-02T03:00")) is None
    assert run_due(settings, ingest, at("2026-11-02T03:01")) is not None


def test_never_two_at_once(tmp_path: Path) -> None:
    settings = planned(tmp_path, "0 3 * * *")
    run_due(settings, Ingests(), at("2026-11-01T10:00"))
    begun, may_end = threading.Event(), threading.Event()
    counted = Ingests()

    def slow() -> IngestResult:
        begun.set()
        may_end.wait(20)
        return counted()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run_due, settings, slow, at("2026-11-02T03:00"))
        assert begun.wait(20)
        assert run_due(settings, counted, at("2026-11-02T03:00")) is None
        may_end.set()
        assert first.result() is not None
    assert counted.count == 1


def test_a_crash_in_between_repeats_the_due_time(tmp_path: Path) -> None:
    settings = planned(tmp_path, "0 3 * * *")
    run_due(settings, Ingests(), at("2026-11-01T10:00"))

    def dies() -> IngestResult:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_due(settings, dies, at("2026-11-02T03:00"))
    assert run_due(settings, Ingests(), at("2026-11-02T09:00")) is not None


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Europe/Berlin"):
        check_schedule(planned(tmp_path, "0 3 * * *", zone="Mars/North"))


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(tmp_path / "bot", examples=3, extra='[schedule]\ningest = ["* * * * *"]\n')
    here = ("-C", str(folder))
    assert main(["schedule", "run", "--once", *here]) == 0
    assert "nothing is due" in capsys.readouterr().out
    (folder / ".knowhow" / "schedule.json").write_text('{"last": null, "seen": "2020-01-01T00:00:00"}')
    (folder / "documents" / "new.md").write_text("Something new.")
    assert main(["schedule", "run", "--once", *here]) == 0
    assert "1 added" in capsys.readouterr().out
    assert main(["schedule", "show", *here]) == 0
    shown = capsys.readouterr().out
    assert "next: " in shown
    assert "done: 1 added" in shown
