"""The one next step of the home page, computed from where the workspace stands."""

from __future__ import annotations

from dataclasses import dataclass

from knowhow.advisor.text import Number, Text, say
from knowhow.serving.keys import Role


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a workspace stands for one person.

    `unread` counts files that an ingest would change, `errors` findings that would mislead a comparison, `compared` and `newest` are
    the numbers of examples in the newest finished comparison and now, `proposal` is a recommended strategy that is not released.
    """

    role: Role = "user"
    documents: int = 0
    unread: int = 0
    examples: int = 0
    errors: int = 0
    waiting: int = 0
    runs: int = 0
    new_examples: int = 0
    run: str = ""
    proposal: str = ""
    champion: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, why, and where."""

    name: str
    sentence: Text
    link: str
    button: Text


LEAST_EXAMPLES = 20
"""Below this a comparison can hardly decide anything."""
_ENOUGH_NEW = 10


def find_next_step(now: Situation) -> Step:
    """Return the step that helps most now; there always is one."""
    is_admin, is_reviewer = now.role == "admin", now.role in ("reviewer", "admin")
    steps = (
        (is_admin and not now.documents and not now.unread, _ADD_DOCUMENTS),
        (is_admin and now.unread > 0, _ingest(now.unread)),
        (not now.documents, _NO_DOCUMENTS),
        (is_reviewer and now.task != "", _watch(now.task)),
        (is_reviewer and now.waiting > 0, _review(now.waiting)),
        (is_reviewer and now.examples < LEAST_EXAMPLES, _add_examples(now.examples)),
        (is_reviewer and now.errors > 0, _mend(now.errors)),
        (is_admin and not now.runs, _COMPARE),
        (is_admin and now.new_examples >= _ENOUGH_NEW, _compare_again(now.new_examples)),
        (is_admin and now.proposal != "", _release(now.proposal, now.run)),
    )
    return next((step for applies, step in steps if applies), _ASK)


_ADD_DOCUMENTS = Step(
    "add_documents",
    say("There are no documents yet. Add some files, or a whole folder."),
    "/documents",
    say("Add documents"),
)
_NO_DOCUMENTS = Step(
    "no_documents", say("There are no documents that you may read yet."), "/documents", say("See documents")
)
_COMPARE = Step(
    "compare",
    say("Documents and examples are there. Measure which strategy answers your questions best."),
    "/compare",
    say("Compare"),
)
_ASK = Step("ask", say("Everything is in place."), "/ask", say("Ask a question"))


def _ingest(count: int) -> Step:
    sentence = (
        say("1 file waits to be read.")
        if count == 1
        else say("{count} files wait to be read.", count=Number(count))
    )
    return Step("ingest", sentence, "/documents", say("Read them"))


def _watch(kind: str) -> Step:
    known = {
        "compare": (say("A comparison is running."), "/compare"),
        "train": (say("A training is running."), "/train"),
        "purge": (say("A document is being deleted."), "/documents"),
    }
    sentence, link = known.get(kind, known["compare"])
    return Step("watch", sentence, link, say("Watch"))


def _review(count: int) -> Step:
    sentence = (
        say(
            "1 reaction waits for a verdict. An accepted correction becomes an example of the next comparison."
        )
        if count == 1
        else say(
            "{count} reactions wait for a verdict. An accepted correction becomes an example of the next comparison.",
            count=Number(count),
        )
    )
    return Step("review", sentence, "/review", say("Review"))


def _add_examples(count: int) -> Step:
    sentence = say(
        "There are {count} examples. With {least} questions whose answers you know, strategies can be compared.",
        count=Number(count),
        least=Number(LEAST_EXAMPLES),
    )
    return Step("add_examples", sentence, "/examples", say("Add examples"))


def _mend(count: int) -> Step:
    sentence = (
        say("The check of the examples found 1 error that would mislead a comparison.")
        if count == 1
        else say(
            "The check of the examples found {count} errors that would mislead a comparison.",
            count=Number(count),
        )
    )
    return Step("mend", sentence, "/examples", say("See what to mend"))


def _compare_again(count: int) -> Step:
    sentence = say("{count} examples came in since the last comparison. Compare again.", count=Number(count))
    return Step("compare_again", sentence, "/compare", say("Compare"))


def _release(strategy: str, run: str) -> Step:
    sentence = say(
        "The last comparison recommends {strategy}, which does not answer yet. Release it.", strategy=strategy
    )
    return Step("release", sentence, f"/compare/{run}", say("See the proof and release"))
