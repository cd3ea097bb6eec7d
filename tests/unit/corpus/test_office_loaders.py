import datetime
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pptx import Presentation
from pptx.util import Inches
from tests.unit.corpus.loading import load, only, pack, problem

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
STYLES = (
    f'<?xml version="1.0"?><w:styles {W}><w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style></w:styles>'
)
STYLE_RELATION = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="s" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" '
    'Target="styles.xml"/></Relationships>'
)


def paragraph(text: str, style: str = "", extra: str = "") -> str:
    properties = f"<w:pPr>{f'<w:pStyle w:val={chr(34)}{style}{chr(34)}/>' if style else ''}{extra}</w:pPr>"
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def docx(body: str, head: str = "", **parts: str) -> bytes:
    return pack(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": RELATIONS,
            "word/_rels/document.xml.rels": STYLE_RELATION,
            "word/styles.xml": STYLES,
            "word/document.xml": f'<?xml version="1.0"?>{head}<w:document {W}><w:body>{body}</w:body></w:document>',
            **{f"word/{name}.xml": content for name, content in parts.items()},
        }
    )


def test_word_headings_lists_and_tables(tmp_path: Path) -> None:
    cell = "<w:tc>{}</w:tc>"
    table = (
        "<w:tbl>"
        + "".join(
            "<w:tr>" + "".join(cell.format(paragraph(text)) for text in row) + "</w:tr>"
            for row in (("Fee", "Amount"), ("Card", "5"))
        )
        + "</w:tbl>"
    )
    body = paragraph("Policy", "H1") + paragraph("Fees", "H2") + paragraph("Text &amp; more.") + table
    document = only(load(tmp_path, "a.docx", docx(body)))
    assert document["title"] == "Policy"
    assert document["regions"][-1][3] == ["Policy", "Fees"]
    assert "| Fee | Amount |\n| --- | --- |\n| Card | 5 |" in document["text"]
    assert "Text & more." in document["text"]


def test_word_headers_and_footers_are_said_once(tmp_path: Path) -> None:
    header = f'<?xml version="1.0"?><w:hdr {W}>{paragraph("Version 3, confidential")}</w:hdr>'
    footer = f'<?xml version="1.0"?><w:ftr {W}>{paragraph("12")}{paragraph("Example Bank")}</w:ftr>'
    data = docx(paragraph("Body."), header1=header, header2=header, footer1=footer)
    assert only(load(tmp_path, "a.docx", data))["text"] == "Version 3, confidential\n\nBody.\n\nExample Bank"


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
        "<!DOCTYPE x>",
    ],
)
def test_entities_in_office_files_are_refused(tmp_path: Path, head: str) -> None:
    assert problem(load(tmp_path, "a.docx", docx(paragraph("x &a;"), head)))["kind"] == "hostile"


def test_a_document_type_in_another_encoding_is_refused(tmp_path: Path) -> None:
    xml = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><w:document {W}/>'.encode("utf-16")
    data = pack({"[Content_Types].xml": TYPES, "_rels/.rels": RELATIONS, "word/document.xml": xml})
    assert problem(load(tmp_path, "a.docx", data))["kind"] == "hostile"


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("xl/media/image.bin", bytes(60_000_000))
    assert problem(load(tmp_path, "a.xlsx", buffer.getvalue()))["kind"] == "bomb"


@pytest.mark.parametrize("suffix", ["docx", "pptx", "xlsx", "odt"])
def test_office_files_that_are_none(tmp_path: Path, suffix: str) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    locked = ole + "EncryptedPackage".encode("utf-16-le")
    assert problem(load(tmp_path, f"a.{suffix}", locked))["kind"] == "encrypted"
    assert f".{suffix}" in problem(load(tmp_path, f"b.{suffix}", ole))["mend"]
    assert problem(load(tmp_path, f"c.{suffix}", b"PK\x03\x04 broken"))["kind"] == "malformed"
    assert problem(load(tmp_path, f"d.{suffix}", "plain text"))["kind"] == "malformed"
    assert problem(load(tmp_path, f"e.{suffix}", pack({"x": "y"})))["kind"] == "malformed"


def test_slides_are_pages_in_reading_order(tmp_path: Path) -> None:
    deck = Presentation()
    for number in (1, 2):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = f"Slide {number}"
        low = slide.shapes.add_textbox(Inches(1), Inches(5), Inches(3), Inches(1))
        low.text_frame.text = f"below {number}"
        high = slide.shapes.add_textbox(Inches(1), Inches(2), Inches(3), Inches(1))
        high.text_frame.text = f"above {number}"
    grid: Any = deck.slides[1].shapes.add_table(2, 2, Inches(1), Inches(6), Inches(4), Inches(1)).table
    grid.cell(0, 0).text, grid.cell(1, 0).text, grid.cell(1, 1).text = "Both", "a", "b"
    grid.cell(0, 0).merge(grid.cell(0, 1))
    deck.slides[0].notes_slide.notes_text_frame.text = "Say hello."
    buffer = io.BytesIO()
    deck.save(buffer)
    document = only(load(tmp_path, "a.pptx", buffer.getvalue()))
    assert document["text"] == (
        "# Slide 1\n\nabove 1\n\nbelow 1\n\nNotes: Say hello.\n\n# Slide 2\n\nabove 2\n\nbelow 2\n\n"
        "| Both | Both |\n| - | - |\n| a | b |"
    )
    assert [(region[2], region[3]) for region in document["regions"]] == [(1, ["Slide 1"]), (2, ["Slide 2"])]
    assert document["title"] == "Slide 1"


def test_sheets_are_headings_and_rows_are_lines(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "Fees"
    for row in (
        ["Service", "Price", "From"],
        ["Card", 4.5, datetime.date(2025, 1, 1)],
        ["Transfer", 2, None],
    ):
        sheet.append(row)
    sheet.append([])
    sheet.append(["Remark: prices in dollars"])
    book.create_sheet("Secret").sheet_state = "hidden"
    book["Secret"].append(["hidden text"])
    book.create_sheet("Empty")
    buffer = io.BytesIO()
    book.save(buffer)
    document = only(load(tmp_path, "a.xlsx", buffer.getvalue()))
    assert document["text"] == (
        "# Fees\n\nService | Price | From\nService: Card; Price: 4.5; From: 2025-01-01\nService: Transfer; Price: 2\n\n"
        "Remark: prices in dollars"
    )


def test_opendocument_text(tmp_path: Path) -> None:
    names = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("text", "text"), ("table", "table"))
    )
    row = "<table:table-row>{}</table:table-row>"
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    body = (
        '<text:h text:outline-level="1">Main</text:h><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>'
        '<text:p>A<text:s text:c="2"/>b<text:tab/>c.</text:p>'
        "<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>"
        f"<table:table>{row.format(cell.format('x') + cell.format('y'))}</table:table>"
    )
    content = f'<?xml version="1.0"?><office:document-content {names}><office:body><office:text>{body}</office:text></office:body></office:document-content>'
    document = only(load(tmp_path, "a.odt", pack({"content.xml": content})))
    assert document["text"] == "# Main\n\nA  b c.\n\n- one\n\n| x | y |\n| - | - |"


def numbering(*levels: tuple[str, str], start: int = 1) -> str:
    rows = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for level, (kind, text) in enumerate(levels)
    )
    return (
        f'<?xml version="1.0"?><w:numbering {W}><w:abstractNum w:abstractNumId="5">{rows}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="5"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="5"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/>'
        "</w:lvlOverride></w:num></w:numbering>"
    )


def item(text: str, level: int, number: int = 1, style: str = "") -> str:
    return paragraph(text, style, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((("decimal", "%1."), ("decimal", "%1.%2")), ["1. A", "1.1 B", "1.2 C", "2. D", "2.1 E", "1. F"]),
        (
            (("upperRoman", "%1)"), ("lowerLetter", "(%2)")),
            ["I) A", "(a) B", "(b) C", "II) D", "(a) E", "I) F"],
        ),
        (
            (("chineseCountingThousand", "第%1条"), ("bullet", "•")),
            ["第一条 A", "B", "C", "第二条 D", "E", "第一条 F"],
        ),
    ],
)
def test_word_numbers_are_written_out(
    tmp_path: Path, levels: tuple[tuple[str, str], ...], expected: list[str]
) -> None:
    body = (
        item("A", 0, style="H1")
        + item("B", 1)
        + item("C", 1)
        + paragraph("between")
        + item("D", 0, style="H1")
    )
    body += item("E", 1) + item("F", 0, number=2)
    text = only(load(tmp_path, "a.docx", docx(body, numbering=numbering(*levels))))["text"]
    lines = [line.lstrip("#- ") for line in text.splitlines() if line.strip() and line != "between"]
    assert lines == expected
