"""Pages that carry their style inside, so that they can be saved and sent: its digest lets in this style and no other."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from starlette.responses import HTMLResponse

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def allow_own_styles(response: HTMLResponse, *, has_style_attributes: bool = False) -> HTMLResponse:
    """Return the response with a policy that allows its own inline styles, no script and nothing from elsewhere.

    Style attributes, which charts are drawn with, have no digest: where there are some, any inline style is let in.
    """
    text = bytes(response.body).decode()
    digests = " ".join(
        f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" for style in _STYLE.findall(text)
    )
    styles = "'unsafe-inline'" if has_style_attributes else digests or "'none'"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {styles}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return response
