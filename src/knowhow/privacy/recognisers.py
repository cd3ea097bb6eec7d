r"""Every recogniser in its order of precedence, and the one function that finds personal data.

Look-arounds are ASCII classes on purpose: `\b` takes Chinese characters for word characters and so misses what stands beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from knowhow.privacy.custom import compile_patterns
from knowhow.privacy.identifiers import (
    find_credit_codes,
    find_emails,
    find_ibans,
    find_ip_addresses,
    find_passports,
    find_plates,
    find_urls,
)
from knowhow.privacy.names import find_addresses, find_names
from knowhow.privacy.numbers import find_cards, find_resident_ids, find_social_security_numbers
from knowhow.privacy.phones import find_phones
from knowhow.privacy.spans import PersonalData, Recogniser, Span, Taken, narrow

RECOGNISERS: Sequence[Recogniser] = (
    Recogniser("email", find_emails),
    Recogniser("iban", find_ibans),
    Recogniser("resident_id", find_resident_ids),
    Recogniser("credit_code", find_credit_codes),
    Recogniser("card", find_cards),
    Recogniser("ip", find_ip_addresses),
    Recogniser("ssn", find_social_security_numbers),
    Recogniser("passport", find_passports),
    Recogniser("phone", find_phones),
    Recogniser("plate", find_plates),
    Recogniser("url", find_urls),
)
"""Identifiers, in order of precedence: where two overlap, the earlier in this list wins."""

ANCHORED: Sequence[Recogniser] = (Recogniser("address", find_addresses), Recogniser("name", find_names))
"""Names and addresses by what stands around them; where something else is found inside, they keep the rest."""

PERSONAL_KINDS = tuple(
    dict.fromkeys(
        recogniser.kind for recogniser in (*RECOGNISERS, *ANCHORED) if recogniser.kind not in ("url",)
    )
)
"""What is looked for unless a workspace names kinds."""

OPTIONAL_KINDS = ("url", "place", "organisation", "nationality", "title", "age", "date")
"""Kinds that are no personal data by themselves; masking them takes knowledge out of documents, so they have to be asked for."""


def find_personal_data(
    text: str,
    kinds: Sequence[str] = (),
    custom: Mapping[str, str] | None = None,
    recognisers: Iterable[Recogniser] = (),
    protected: Sequence[Span] = (),
) -> list[PersonalData]:
    """Return non-overlapping spans in order; `kinds` restricts them (none: those of PERSONAL_KINDS).

    `custom` holds regular expressions by kind and comes first, `recognisers` are further ones and come after the identifiers.
    `protected` are places where nothing is found.
    """
    plain = narrow(text)
    taken = Taken()
    for start, end in protected:
        taken.add("", start, end)
    wanted = frozenset(kinds or PERSONAL_KINDS)
    for recogniser in (*_custom(tuple((custom or {}).items())), *RECOGNISERS):
        if recogniser.kind in wanted or recogniser.kind in (custom or {}):
            for start, end in recogniser.find(plain):
                taken.add(recogniser.kind, start, end)
    for recogniser in (*recognisers, *ANCHORED):
        if recogniser.kind in wanted:
            for start, end in recogniser.find(plain):
                taken.add_rest(recogniser.kind, start, end, plain)
    return [PersonalData(kind, start, end, text[start:end]) for start, end, kind in taken if kind]


def mask_personal_data(text: str, kinds: Sequence[str] = (), custom: Mapping[str, str] | None = None) -> str:
    """Return the text with every found span replaced by its kind in square brackets, such as [email]."""
    parts, place = [], 0
    for found in find_personal_data(text, kinds, custom):
        parts += [text[place : found.start], f"[{found.kind}]"]
        place = found.end
    return "".join([*parts, text[place:]])


@lru_cache(maxsize=16)
def _custom(patterns: tuple[tuple[str, str], ...]) -> tuple[Recogniser, ...]:
    return compile_patterns(dict(patterns))
