from email.message import EmailMessage
from pathlib import Path

from tests.unit.corpus.loading import load, only, problem


def message(plain: str = "", web: str = "") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "Bank <bank@example.org>",
        "you@example.org",
        "Überweisung: new limit",
    )
    if plain:
        mail.set_content(plain)
    if web and plain:
        mail.add_alternative(web, subtype="html")
    elif web:
        mail.set_content(web, subtype="html")
    return mail


def test_headers_and_text_are_read(tmp_path: Path) -> None:
    document = only(load(tmp_path, "a.eml", message("The limit is 500.").as_bytes()))
    assert document["title"] == "Überweisung: new limit"
    assert document["text"].splitlines() == [
        "From: Bank <bank@example.org>",
        "To: you@example.org",
        "Subject: Überweisung: new limit",
        "",
        "The limit is 500.",
    ]


def test_the_web_part_is_added_only_when_it_says_more(tmp_path: Path) -> None:
    same = message("The limit is 500.", "<p>The <b>limit</b> is 500.</p>")
    assert only(load(tmp_path, "a.eml", same.as_bytes()))["text"].count("limit is") == 1
    more = message("See the web part.", "<p>From May the fee is 3 dollars.</p>")
    assert "From May the fee" in only(load(tmp_path, "b.eml", more.as_bytes()))["text"]
    web_only = message(web="<p>Only here.</p><script>x</script>")
    assert only(load(tmp_path, "c.eml", web_only.as_bytes()))["text"].endswith("Only here.")


def test_attachments_are_named_and_text_ones_read(tmp_path: Path) -> None:
    mail = message("See attached.")
    mail.add_attachment("Fee: 5".encode("utf-16"), maintype="text", subtype="plain", filename="fees.txt")
    mail.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="scan.pdf")
    document = only(load(tmp_path, "a.eml", mail.as_bytes()))
    assert "Attachments: fees.txt, scan.pdf" in document["text"]
    assert document["text"].endswith("Fee: 5")
    assert document["regions"][-1][3] == ["Attachment fees.txt"]


def test_text_that_is_no_message_is_a_problem(tmp_path: Path) -> None:
    assert problem(load(tmp_path, "a.eml", "just text without any header\n\nbody"))["kind"] == "malformed"
