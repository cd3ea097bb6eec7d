"""Where the workspace stands for one person, gathered for the home page."""

from __future__ import annotations

from knowhow.errors import KnowHowError
from knowhow.releases.feedback import is_readable
from knowhow.serving.keys import Principal
from knowhow.serving.next_step import Situation
from knowhow.serving.service import Service
from knowhow.workspace.documents import survey_documents
from knowhow.workspace.examples import list_examples


def look(service: Service, person: Principal) -> Situation:
    """Return the situation of a workspace as this person may know it; blocking."""
    documents = len(service.records(person))
    if not person.may("reviewer"):
        return Situation("user", documents, champion=service.answerer.standing().champion)
    settings = service.workspace.settings
    unread = 0
    if person.may("admin"):
        surveyed = survey_documents(settings, service.workspace.records())
        unread = len({item.source for item in surveyed if item.status in ("waiting", "changed", "gone")})
    examples, errors = _examples(service)
    runs = service.runs.lines()
    standing = service.answerer.standing()
    newest = runs[0] if runs else None
    waiting = sum(is_readable(item.feedback, person.groups) for item in service.feedback.waiting())
    return Situation(
        person.role,
        documents,
        unread,
        examples,
        errors,
        waiting,
        len(runs),
        max(0, examples - newest.examples) if newest else 0,
        newest.id if newest else "",
        _proposal(service) if newest else "",
        standing.champion,
        next((task.kind for task in service.tasks.tasks() if task.is_live), ""),
    )


def _examples(service: Service) -> tuple[int, int]:
    try:
        rows = list_examples(service.workspace.settings)
    except KnowHowError:
        # The examples page says which line is wrong.
        return 0, 1
    found = service.checks.peek() if rows else None
    errors = sum(finding.severity == "error" for finding in found.findings) if found else 0
    return len(rows), errors


def _proposal(service: Service) -> str:
    """The strategy that the newest comparison decided for, where the champion is another one."""
    newest = service.runs.lines()[0]
    if not newest.is_decided or newest.strategy not in newest.strategies:
        return ""
    champion = service.answerer.standing().champion
    if champion and service.workspace.releases.get(champion).strategy == newest.strategy:
        return ""
    return newest.strategy
