"""The application: routes from their tables, the guard around them, and errors in one shape."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from knowhow import __version__
from knowhow.errors import KnowHowError
from knowhow.serving import (
    advice_routes,
    api_routes,
    comparison_pages,
    document_pages,
    example_pages,
    example_routes,
    health_pages,
    monitoring_routes,
    openai_routes,
    page_routes,
    release_pages,
    task_routes,
    training_pages,
)
from knowhow.serving.failures import RequestError, error_body, translate
from knowhow.serving.guard import Guard
from knowhow.serving.rendering import show_failure
from knowhow.serving.routes import Route
from knowhow.serving.schemas import ErrorOut
from knowhow.serving.service import Service

logger = logging.getLogger("knowhow.serving")
ROUTES: tuple[Route, ...] = (
    *openai_routes.ROUTES,
    *api_routes.ROUTES,
    *monitoring_routes.ROUTES,
    *example_routes.ROUTES,
    *task_routes.ROUTES,
    *page_routes.ROUTES,
    *advice_routes.ROUTES,
    *document_pages.ROUTES,
    *example_pages.ROUTES,
    *comparison_pages.ROUTES,
    *training_pages.ROUTES,
    *release_pages.ROUTES,
    *health_pages.ROUTES,
)
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorOut}
    for status in (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504)
}


def build_application(service: Service) -> FastAPI:
    """Return the ASGI application over a service; it starts and stops the service with itself."""

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.stop()

    app = FastAPI(
        title="KnowHow",
        version=__version__,
        description="Answers from your own documents, with citations. /v1 is OpenAI-compatible; its field `knowhow` tells where an answer stands.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=live,
        redirect_slashes=False,
    )
    app.state.service = service
    for route in ROUTES:
        _add(app, route)
    app.add_exception_handler(RequestError, _show_request_error)
    app.add_exception_handler(RequestValidationError, _show_validation)
    app.add_exception_handler(HTTPException, _show_http_error)
    app.add_exception_handler(KnowHowError, _show_known_error)
    app.add_exception_handler(Exception, _show_bug)
    app.add_middleware(Guard, service=service, routes=ROUTES)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _add(app: FastAPI, route: Route) -> None:
    app.add_api_route(
        route.path,
        route.endpoint,
        methods=[route.method],
        summary=route.summary,
        response_model=route.response,
        status_code=route.status,
        tags=[route.tag] if route.tag else None,
        include_in_schema=not route.is_page,
        responses={**(_ERRORS if not route.is_page else {}), **route.responses},
        openapi_extra=route.extra or None,
        name=f"{route.method.lower()} {route.path}",
        operation_id=f"{route.method.lower()}_{route.endpoint.__name__}",
    )


def _describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schema.setdefault("components", {})["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "description": "A key made by: knowhow key create"}
        }
        for route in ROUTES:
            if not route.is_page and route.access != "public":
                operation = schema["paths"][route.path.replace(":path", "")][route.method.lower()]
                operation["security"] = [{"key": []}]
                operation["description"] = (
                    f"{operation.get('description', '')}\n\nNeeds the role {route.access}.".strip()
                )
        app.openapi_schema = schema
    return app.openapi_schema


async def _show_request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return show_failure(error, request)


async def _show_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    message = f"{place or 'The body'}: {first['msg']}."
    return show_failure(RequestError(400, message, code="invalid", param=place or None), request)


async def _show_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return show_failure(RequestError(error.status_code, str(error.detail), code="invalid"), request)


async def _show_known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, KnowHowError)
    return show_failure(translate(error, request.app.state.service.workspace.root), request)


async def _show_bug(request: Request, error: Exception) -> JSONResponse:
    logger.error("a request failed", exc_info=error)
    return JSONResponse(error_body(500, "The request failed. The server's log says why.", "bug"), 500)
