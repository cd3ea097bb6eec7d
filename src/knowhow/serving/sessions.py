"""Signed-in browsers: a random cookie stands for a key, in memory only, and is worth nothing once the key is revoked."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict

from knowhow.serving.keys import KeyStore, Principal
from knowhow.storage import digest

COOKIE = "knowhow_session"
LIFETIME_SECONDS = 12 * 3600
_MOST = 10_000


class Sessions:
    """Cookies by digest, with the id of the key and when they end."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def begin(self, token: str) -> str | None:
        """Return a new cookie for the holder of a key, None when the key is unknown."""
        principal = self._keys.find(token)
        if principal is None:
            return None
        cookie = secrets.token_urlsafe(32)
        self._open[digest(cookie)] = (principal.id, time.monotonic() + LIFETIME_SECONDS)
        while len(self._open) > _MOST:
            self._open.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Principal | None:
        """Return who is signed in by this cookie, None when it ended or its key was revoked."""
        key, end = self._open.get(digest(cookie), ("", 0.0))
        if time.monotonic() > end:
            self._open.pop(digest(cookie), None)
            return None
        return self._keys.find_id(key)

    def end(self, cookie: str) -> None:
        """Forget a cookie."""
        self._open.pop(digest(cookie), None)
