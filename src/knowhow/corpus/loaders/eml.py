"""E-mail messages: headers, the text or web part, and the attachments by name; text attachments are read too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import ClassVar

from knowhow.corpus.content import Content, Loaded, LoadError, Part
from knowhow.corpus.encoding import declared_encoding, decode
from knowhow.corpus.markup import html_to_markdown
from knowhow.corpus.normalization import clean_line
from knowhow.language import words
from knowhow.registry import register

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_READABLE = ("text/plain", "text/markdown", "text/csv", "text/html")
_SAME_SHARE = 0.9


@register("loader", "eml")
@dataclass(frozen=True)
class EmlLoader:
    """Reads one message; the web part is added only when it says what the text part does not."""

    suffixes: ClassVar[tuple[str, ...]] = (".eml",)
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        """Return the message with its headers on top."""
        message = message_from_bytes(data, policy=policy.default)
        if not message.keys():
            raise LoadError(
                "The file has no e-mail headers.",
                mend="Save the message as .eml in the mail program.",
                kind="malformed",
            )
        headers = "\n".join(_header_lines(message))
        parts = [Part(headers), Part(_body(message)), *_attachments(message)]
        return Loaded((Content(tuple(parts), clean_line(_header(message, "Subject"))),))


def _header_lines(message: EmailMessage) -> Iterator[str]:
    for name in _HEADERS:
        if value := clean_line(_header(message, name)):
            yield f"{name}: {value}"


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError, TypeError):
        # The strict header parser of the standard library fails on some malformed addresses: take the raw value.
        return next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")


def _body(message: EmailMessage) -> str:
    plain = "\n\n".join(_texts(message, "text/plain"))
    web = "\n\n".join(html_to_markdown(source) for source in _texts(message, "text/html"))
    said = set(words(plain))
    wanted = words(web)
    if not plain.strip() or not wanted:
        return web if wanted else plain
    share = sum(word in said for word in wanted) / len(wanted)
    return plain if share >= _SAME_SHARE else f"{plain}\n\n{web}"


def _texts(message: EmailMessage, kind: str) -> Iterator[str]:
    for part in message.walk():
        if part.get_content_type() == kind and not _file_name(part) and not part.is_multipart():
            yield _decode_part(part)


def _decode_part(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return str(part.get_payload())
    declared = part.get_content_charset() or declared_encoding(payload)
    return decode(payload, str(declared))


def _attachments(message: EmailMessage) -> Iterator[Part]:
    files = [part for part in message.walk() if _file_name(part)]
    if files:
        yield Part("Attachments: " + ", ".join(_file_name(part) for part in files))
    for part in files:
        if part.get_content_type() in _READABLE:
            text = _decode_part(part)
            if part.get_content_type() == "text/html":
                text = html_to_markdown(text)
            yield Part(text, heading=(f"Attachment {_file_name(part)}",))


def _file_name(part: EmailMessage) -> str:
    try:
        return clean_line(part.get_filename() or "")
    except (ValueError, LookupError, TypeError):
        return "unnamed"
