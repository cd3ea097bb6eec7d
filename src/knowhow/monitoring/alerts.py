"""Alerts: kept in an append-only outbox first, then sent to the one address that the user configured, again until it takes them."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from knowhow.errors import ConfigError, DataError
from knowhow.operation import AlertSettings
from knowhow.registry import check_options
from knowhow.storage import append_lines, read_lines

_QUIET_SECONDS = 3600.0
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 3600.0
_TIMEOUT_SECONDS = 10.0
SIGNATURE = "X-KnowHow-Signature"

Send = Callable[[str, bytes, Mapping[str, str]], int]
"""(address, body, headers) -> HTTP status; OSError or http.client.HTTPException where nothing came back."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a person should know; `subject` is what it is about (a release, a challenge, the documents)."""

    kind: str
    subject: str
    text: str
    id: str = ""
    time: float = 0.0


@dataclass
class _Waiting:
    alert: Alert
    attempts: int = 0
    next_try: float = 0.0


def find_address(settings: AlertSettings) -> str:
    """Return the address that alerts go to, empty where none is configured; ConfigError where it is no http(s) address."""
    address = settings.webhook or (os.environ.get(settings.webhook_env, "") if settings.webhook_env else "")
    if address and (urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname):
        raise ConfigError("[alerts] webhook must be an address that begins with https:// or http://.")
    return address


class Outbox:
    """The alerts of a workspace: what was raised, what was delivered, what was given up."""

    def __init__(self, path: Path, settings: AlertSettings, send: Send | None = None) -> None:
        self.path, self._settings = path, settings
        self._send = send or post
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._latest: dict[tuple[str, str], float] = {}
        for alert, state in _read(path):
            self._latest[alert.kind, alert.subject] = alert.time
            if state == "raised":
                self._waiting[alert.id] = _Waiting(alert)

    def put(self, alert: Alert) -> Alert | None:
        """Keep an alert durably; None when the same was raised within the last hour."""
        moment = time.time()
        with self._lock:
            key = (alert.kind, alert.subject)
            if moment - self._latest.get(key, -_QUIET_SECONDS) < _QUIET_SECONDS:
                return None
            stamped = Alert(alert.kind, alert.subject, alert.text, secrets.token_hex(8), round(moment, 3))
            append_lines(self.path, [{"kind": "raised", "value": asdict(stamped)}])
            self._latest[key] = moment
            self._waiting[stamped.id] = _Waiting(stamped)
            return stamped

    def deliver(self, now: float | None = None) -> int:
        """Try once what is due, and return how much was taken; a failure waits twice as long each time, at most an hour.

        Without an address alerts only stay in the file. Each is taken at least once: the receiver can tell by `id` what came twice.
        """
        address = find_address(self._settings)
        moment = time.time() if now is None else now
        taken = 0
        with self._lock:
            due = [item for item in self._waiting.values() if item.next_try <= moment] if address else []
        for item in due:
            if self._try(address, item.alert):
                taken += 1
                self._finish(item.alert.id, "delivered")
                continue
            item.attempts += 1
            item.next_try = moment + min(
                _FIRST_WAIT_SECONDS * 2 ** (item.attempts - 1), _LONGEST_WAIT_SECONDS
            )
            if item.attempts >= self._settings.attempts:
                self._finish(item.alert.id, "given_up")
        return taken

    def _try(self, address: str, alert: Alert) -> bool:
        body = json.dumps(asdict(alert), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "knowhow"}
        key = os.environ.get(self._settings.secret_env, "") if self._settings.secret_env else ""
        if key:
            headers[SIGNATURE] = sign(key, body)
        try:
            return 200 <= self._send(address, body, headers) < 300
        except (OSError, http.client.HTTPException):
            return False

    def _finish(self, name: str, kind: str) -> None:
        with self._lock:
            append_lines(self.path, [{"kind": kind, "value": {"id": name}}])
            self._waiting.pop(name, None)


def sign(key: str, body: bytes) -> str:
    """Return the signature of a body: sha256= and the HMAC-SHA256 in hex."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def read_alerts(path: Path, since: float = 0.0) -> list[Alert]:
    """Return what was raised since a moment, oldest first."""
    return [alert for alert, _ in _read(path) if alert.time >= since]


def post(address: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send one body by POST and return the status; redirects are not followed, so that no other host is ever contacted."""
    place = urlsplit(address)
    connection = _connect(place)
    try:
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


def _connect(place: SplitResult) -> http.client.HTTPConnection:
    host = place.hostname or ""
    if place.scheme == "https":
        return http.client.HTTPSConnection(
            host, place.port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    return http.client.HTTPConnection(host, place.port, timeout=_TIMEOUT_SECONDS)


def _read(path: Path) -> list[tuple[Alert, str]]:
    found: dict[str, tuple[Alert, str]] = {}
    for number, row in enumerate(read_lines(path), start=1):
        try:
            if row["kind"] == "raised":
                alert = Alert(**check_options(Alert, row["value"], "alert"))
                found[alert.id] = (alert, "raised")
            else:
                found[row["value"]["id"]] = (found[row["value"]["id"]][0], row["kind"])
        except (ConfigError, KeyError, TypeError) as error:
            raise DataError(f"is not a line of alerts ({error}).", source=str(path), line=number) from error
    return list(found.values())
