"""The audit log at the border: what was asked, opened and changed over HTTP, recorded before the answer leaves."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

from starlette.types import Message, Scope, Send

from knowhow.serving.jobs import Job
from knowhow.serving.keys import Principal
from knowhow.serving.routes import Route
from knowhow.types import Answer
from knowhow.workspace import Workspace
from knowhow.workspace.audit import CHANGED, OPENED, REFUSED, AuditLog

_ASKING = frozenset({"/ask", "/api/ask", "/v1/chat/completions", "/v1/completions", "/v1/embeddings"})
_READING = frozenset({"/documents/{name:path}", "/api/documents/{name:path}", "/answers/{name}"})
_FAILED, _UNAUTHORISED = 400, (401, 403)


class Auditing:
    """Records requests: changes and opened documents by route, answers by what they were made from, refusals by path."""

    def __init__(self, workspace: Workspace) -> None:
        self._log = AuditLog(workspace.settings, "server", "http")
        self._names: dict[str, str] = {}

    def note_answer(self, job: Job, answer: Answer) -> None:
        """Record one answer before it is delivered; raises where it cannot be recorded, and then nothing is delivered."""
        if job.query is not None:
            self._log.record_answers([job.query], [answer], by=self._names.get(job.asker, job.asker))

    def wrap(self, scope: Scope, send: Send, route: Route, principal: Principal) -> Send:
        """Return a `send` that records what the request did before its answer begins."""
        self._names[principal.id] = principal.name
        kind = _kind(scope["method"], route)
        if not kind:
            return send

        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < _FAILED:
                subject = (
                    unquote(scope["path"])
                    if kind == OPENED
                    else f"{scope['method']} {unquote(scope['path'])}"
                )
                await asyncio.get_running_loop().run_in_executor(
                    None, lambda: self._log.record(kind, subject, by=principal.name, role=principal.role)
                )
            await send(message)

        return recording

    async def note_refusal(self, scope: Scope, status: int) -> None:
        """Record that somebody without the right to it wanted something."""
        if status in _UNAUTHORISED:
            subject = f"{scope['method']} {unquote(scope['path'])[:200]}"
            await asyncio.get_running_loop().run_in_executor(
                None, lambda: self._log.record(REFUSED, subject, by="unknown", status=status)
            )


def _kind(method: str, route: Route) -> str:
    if route.path in _ASKING or route.access == "public":
        return ""
    if method in ("GET", "HEAD"):
        return OPENED if route.path in _READING else ""
    return CHANGED
