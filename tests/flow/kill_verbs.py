"""Works through the verbs that acknowledge something, endlessly, in a process that a test kills: `python -m tests.flow.kill_verbs FOLDER`.

Every line on stdout says what was acknowledged; it is written after the verb returned and before the next one begins.
"""

from __future__ import annotations

import itertools
import random
import sys
from pathlib import Path

import tests.unit.releases.workspaces  # noqa: F401 - registers the parrot

from knowhow.errors import KnowHowError
from knowhow.progress import set_quiet
from knowhow.releases.feedback import Feedback, Review
from knowhow.serving.keys import KeyStore
from knowhow.workspace import Workspace
from knowhow.workspace.comparison import ComparisonOptions
from knowhow.workspace.feedback import feedback_log, review_feedback
from knowhow.workspace.release import ReleaseOrder


def acknowledge(kind: str, name: str) -> None:
    sys.stdout.write(f"{kind}\t{name}\n")
    sys.stdout.flush()


def main() -> None:
    set_quiet(True)
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(seed)
    with Workspace(folder) as workspace:
        acknowledge("ready", "")
        for step in itertools.count():
            name = f"{seed}-{step}"
            verb = chance.choice(
                (
                    "ingest",
                    "feedback",
                    "review",
                    "ask",
                    "key",
                    "promote",
                    "rollback",
                    "release",
                    "compare",
                    "train",
                )
            )
            try:
                act(workspace, verb, name, folder)
            except KnowHowError:
                continue


def act(workspace: Workspace, verb: str, name: str, folder: Path) -> None:
    log = feedback_log(workspace.settings)
    if verb == "ingest":
        (folder / "documents" / f"{name}.md").write_text(f"# Kill {name}\n\nThe code of {name} is {name}.")
        workspace.ingest()
        acknowledge("ingest", f"{name}.md")
    elif verb == "feedback":
        made = log.add(
            Feedback("", "", "ada", f"What is {name}?", "That.", "down", correction=f"It is {name}.")
        )
        acknowledge("feedback", made.id)
    elif verb == "review":
        waiting = log.waiting()
        if waiting:
            made = waiting[0].feedback
            item = review_feedback(workspace.settings, Review(made.id, "", "bob", "wrong", "Right."), [])
            acknowledge("example", item.example)
    elif verb == "ask":
        workspace.ask([f"What is the code of {name}?"], strategy="parrot")
        acknowledge("asked", str(workspace.audit.head().entries))
    elif verb == "key":
        KeyStore(folder / ".knowhow/serving/keys.jsonl").create(name, "user", frozenset(), by="ada")
        acknowledge("key", name)
    elif verb == "promote":
        made = workspace.releases.releases()
        if not made:
            return
        acknowledge("event", str(workspace.promote(made[0].id, by="ada", reason=name).number))
    elif verb == "rollback":
        acknowledge("event", str(workspace.releases.rollback(by="ada", reason=name).number))
    elif verb == "release":
        run = sorted((folder / ".knowhow/runs").glob("*"))[0].name
        acknowledge("release", workspace.release(ReleaseOrder(run, "parrot", name, "ada", "for the test")).id)
    elif verb == "compare":
        report, _ = workspace.compare(ComparisonOptions(strategies=("parrot", "base"), limit=2))
        acknowledge("run", report.id)
    else:
        acknowledge("fitted", workspace.train("parrot")["parrot"].name)


if __name__ == "__main__":
    main()
