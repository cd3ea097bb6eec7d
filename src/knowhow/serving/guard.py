"""The gate before every route: host, origin, key, role and size are checked before a byte of a body is read or parsed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from re import Pattern
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from knowhow.advisor.text import say
from knowhow.serving.auditing import Auditing
from knowhow.serving.failures import UNKNOWN, RequestError
from knowhow.serving.keys import Principal
from knowhow.serving.rendering import show_failure
from knowhow.serving.routes import Route
from knowhow.serving.service import Service
from knowhow.serving.sessions import COOKIE
from knowhow.serving.words import find_word

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SAFE = frozenset({"GET", "HEAD"})
_BODY_SECONDS = 30.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Stricter, and browsers would send our own forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""No page can load or send anything elsewhere, so no rendered answer can cause a request to another host."""


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, service: Service, routes: Sequence[Route]) -> None:
        self._app, self._service = app, service
        self._auditing = Auditing(service.workspace)
        service.answerer.before_delivery = self._auditing.note_answer
        self._table: list[tuple[Pattern[str], Route]] = [
            (compile_path(route.path)[0], route) for route in routes
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        guarded = _with_headers(send)
        route: Route | None = None
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            route, allowed = self._find(scope)
            principal = self._authorise(headers, scope["method"], route)
            scope.setdefault("state", {})["principal"] = principal
            if route is None:
                raise _not_allowed(allowed) if allowed else UNKNOWN
            limit = 1024 * (route.body_kilobytes or self._service.settings.body_kilobytes)
            body = await _read_body(headers, receive, limit)
        except RequestError as error:
            await self._auditing.note_refusal(scope, error.status)
            response = _refuse(error, route, Request(scope))
            await response(scope, receive, guarded)
            return
        audited = self._auditing.wrap(scope, guarded, route, principal)
        await self._app(scope, _replay(body, receive), audited)

    def _check_host(self, headers: Headers) -> None:
        # Without keys everybody on this machine is trusted, so a foreign page must not reach us under its own name.
        if not self._service.needs_keys and _host(headers.get("host", "")) not in _LOOPBACK:
            raise RequestError(
                403, say("Without API keys this server answers to localhost only."), code="wrong_host"
            )

    def _find(self, scope: Scope) -> tuple[Route | None, list[str]]:
        allowed: list[str] = []
        # A path that is written out belongs to its own routes only, not to those with a name in its place.
        literal = [(pattern, route) for pattern, route in self._table if route.path == scope["path"]]
        for pattern, route in literal or self._table:
            if pattern.match(scope["path"]):
                if route.method == scope["method"]:
                    return route, []
                allowed.append(route.method)
        return None, allowed

    def _authorise(self, headers: Headers, method: str, route: Route | None) -> Principal:
        if route is not None and route.access == "public":
            _check_origin(headers, method, must_be_browser=False)
            return Principal("anonymous", "anonymous", "user")
        principal, is_implicit = self._authenticate(headers)
        if principal is None:
            raise RequestError(
                401,
                "An API key is needed: Authorization: Bearer KEY.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if is_implicit:
            _check_origin(headers, method, must_be_browser=principal.id != "local")
        if route is not None and route.access != "public" and not principal.may(route.access):
            raise RequestError(
                403,
                say("This needs the role {role}.", role=find_word("role", route.access)),
                code="role_missing",
            )
        return principal

    def _authenticate(self, headers: Headers) -> tuple[Principal | None, bool]:
        """Return who asks, and whether the browser said so by itself (a cookie, or just by being on this machine)."""
        if not self._service.needs_keys:
            return self._service.local, True
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind:
            return (self._service.keys.find(token.strip()) if kind.lower() == "bearer" else None), False
        cookie = read_cookie(headers)
        return (self._service.sessions.find(cookie) if cookie else None), True


def read_cookie(headers: Headers) -> str:
    """Return the session cookie, empty when there is none."""
    try:
        jar: SimpleCookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def _check_origin(headers: Headers, method: str, *, must_be_browser: bool) -> None:
    """Refuse what another site makes a browser send in the name of its user."""
    if method in _SAFE:
        return
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    is_foreign = site is not None and site not in ("same-origin", "none")
    if origin is not None:
        is_foreign = is_foreign or urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if is_foreign or (must_be_browser and origin is None and site is None):
        raise RequestError(403, say("This request came from another site."), code="foreign_origin")


def _host(value: str) -> str:
    host = value.lower().rstrip(".")
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _not_allowed(methods: Sequence[str]) -> RequestError:
    return RequestError(
        405,
        "This path knows other methods.",
        code="method_not_allowed",
        headers={"Allow": ", ".join(methods)},
    )


async def _read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    too_large = RequestError(413, f"A body may have {limit} bytes here.", code="too_large")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limit:
        raise too_large
    blocks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestError(499, "The client went away.", code="client_left")
                blocks.append(message.get("body", b""))
                size += len(blocks[-1])
                if size > limit:
                    raise too_large
                if not message.get("more_body", False):
                    return b"".join(blocks)
    except TimeoutError:
        raise RequestError(408, "The body came too slowly.", code="too_slow") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _refuse(error: RequestError, route: Route | None, request: Request) -> Response:
    if route is not None and route.is_page and error.status == 401:
        return RedirectResponse("/login", 303)
    return show_failure(error, request)


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded
