"""Pages that carry their style inside, so that they can be saved and sent: its digest lets in this style and no other."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from starlette.responses import HTMLResponse

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def allow_own_styles(response: HTMLResponse) -> HTMLResponse:
    """Return the response with a policy that allows its own inline styles, no script and nothing from elsewhere."""
    text = bytes(response.body).decode()
    digests = " ".join(
        f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" for style in _STYLE.findall(text)
    )
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {digests or chr(39) + 'none' + chr(39)}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return response
