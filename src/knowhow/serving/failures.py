"""What goes wrong at the border, in the shape that OpenAI clients read: {"error": {message, type, param, code}}."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from knowhow.advisor.text import Text, say
from knowhow.advisor.translation import Translator
from knowhow.errors import BackendError, DataError, KnowHowError, NotFoundError, PolicyError


class RequestError(Exception):
    """A request that is answered with a status of 400 or more; programs read `message` in English, people `words` in their language."""

    def __init__(
        self,
        status: int,
        message: str | Text,
        *,
        code: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.words = message
        self.message = Translator("en").show(message)
        self.status, self.code, self.param = status, code, param
        self.headers = dict(headers or {})
        super().__init__(self.message)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return error_body(self.status, self.message, self.code, self.param)


class OverloadedError(RequestError):
    """The queue is full (503) or this asker's share of it is (429); `seconds` is when to come again."""

    def __init__(self, status: int, message: str | Text, seconds: int) -> None:
        code = "rate_limit_exceeded" if status == 429 else "overloaded"
        super().__init__(status, message, code=code, headers={"Retry-After": str(seconds)})


def error_body(status: int, message: str, code: str, param: str | None = None) -> dict[str, Any]:
    """Return the body of an error."""
    kinds = {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
    }
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def translate(error: KnowHowError, root: Path) -> RequestError:
    """Return the request error for an error of the core; paths of this machine are taken out of its message."""
    message = str(error).replace(f"{root.resolve()}/", "").replace(f"{root}/", "")
    if isinstance(error, NotFoundError):
        return RequestError(404, message, code="not_found")
    if isinstance(error, PolicyError):
        return RequestError(409, message, code="refused")
    if isinstance(error, DataError):
        return RequestError(422, message, code="unusable_data")
    if isinstance(error, BackendError):
        headers = {"Retry-After": "5"} if error.retryable else {}
        return RequestError(503 if error.retryable else 502, message, code="engine_failed", headers=headers)
    return RequestError(500, message, code="misconfigured")


UNKNOWN = RequestError(
    404, say("There is nothing here by this name, or you may not see it."), code="not_found"
)
"""The same words for what does not exist and for what the asker may not see."""
