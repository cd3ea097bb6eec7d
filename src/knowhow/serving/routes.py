"""A route with who may use it: a route cannot exist without that, and what is not in a table is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import Request

from knowhow.serving.keys import Principal
from knowhow.serving.service import Service

Access = Literal["public", "user", "reviewer", "admin"]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path; `body_kilobytes` 0 means the server's own limit."""

    method: str
    path: str
    access: Access
    endpoint: Callable[..., Any]
    summary: str
    response: Any = None
    tag: str = ""
    body_kilobytes: int = 0
    is_page: bool = False
    status: int = 200
    responses: dict[int | str, dict[str, Any]] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def service_of(request: Request) -> Service:
    """Return the state that all routes share."""
    service: Service = request.app.state.service
    return service


def principal_of(request: Request) -> Principal:
    """Return who asks, as the guard found out."""
    principal: Principal = request.state.principal
    return principal


def page(method: str, path: str, access: Access, endpoint: Callable[..., Any], summary: str) -> Route:
    """Return the route of a page for people: not part of the interface for programs."""
    return Route(method, path, access, endpoint, summary, None, is_page=True)
