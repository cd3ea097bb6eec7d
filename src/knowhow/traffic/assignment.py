"""Who is answered by whom: a function of a secret, the challenge and the conversation, so that nothing has to be remembered."""

from __future__ import annotations

import hashlib
import hmac

CHAMPION_ARM, CHALLENGER_ARM = "champion", "challenger"
_DIGITS = 13


def name_unit(secret: str, asker: str, beginning: str = "") -> str:
    """Return the keyed digest that stands for a conversation (asker and first question) or, without `beginning`, for an asker."""
    text = f"{len(asker)}:{asker}{' '.join(beginning.split())}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:24]


def choose_arm(challenge: str, unit: str, share: float) -> str:
    """Return which side answers a unit: always the same one, and the challenger for `share` of all units, anew in each challenge.

    A unit that the challenger has at one share keeps it at every larger one.
    """
    digits = hashlib.sha256(f"{challenge}/{unit}".encode()).hexdigest()[:_DIGITS]
    return CHALLENGER_ARM if int(digits, 16) < share * 16**_DIGITS else CHAMPION_ARM
