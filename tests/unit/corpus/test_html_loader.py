from pathlib import Path

import pytest
from tests.unit.corpus.loading import load, only

from knowhow.corpus.markup import html_title, html_to_markdown


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>SECRET</script>",
        "<style>SECRET</style>",
        "<p hidden>SECRET</p>",
        '<p style="display:none">SECRET</p>',
        '<span style="color:red; Visibility : hidden">SECRET</span>',
        '<span style="font-size:0">SECRET</span>',
        '<div aria-hidden="true">SECRET</div>',
        "<nav><a href=x>SECRET</a></nav>",
        "<!-- SECRET -->",
        "<template><p>SECRET</p></template>",
        '<div role="navigation">SECRET</div>',
    ],
)
def test_what_nobody_sees_is_left_out(hidden: str) -> None:
    text = html_to_markdown(f"<html><body><p>Before.</p>{hidden}<p>After.</p></body></html>")
    assert "SECRET" not in text
    assert text.split() == ["Before.", "After."]


def test_visible_text_with_a_similar_style_stays() -> None:
    assert "kept" in html_to_markdown('<p style="font-size:0.9em; opacity: 0.8">kept</p>')


def test_structure_is_kept() -> None:
    text = html_to_markdown(
        "<body><h1>Fees</h1><p>A <b>bold</b> and\n <a href='x'>linked</a> word.</p><ul><li>one</li><li>two</li></ul>"
        "<pre>a\n  b</pre></body>"
    )
    assert "# Fees" in text
    assert "A bold and linked word." in text
    assert "- one\n- two" in text
    assert "a\n  b" in text


def test_spans_are_repeated_in_every_row() -> None:
    text = html_to_markdown(
        "<table><tr><th>Year</th><th>Month</th><th>Cost</th></tr>"
        "<tr><td rowspan=2>2025</td><td>May</td><td>$4</td></tr><tr><td>June</td><td>$5</td></tr>"
        "<tr><td colspan=2>Total</td><td>$9</td></tr></table>"
    )
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[0] == "| Year | Month | Cost |"
    assert rows[2:] == ["| 2025 | May | $4 |", "| 2025 | June | $5 |", "| Total | Total | $9 |"]


def test_a_layout_table_becomes_blocks() -> None:
    text = html_to_markdown(
        "<table><tr><td><table><tr><td>inner</td><td>x</td></tr></table></td><td>outer</td></tr></table>"
    )
    assert "| inner | x |" in text
    assert "outer" in text.replace("| inner | x |", "")


def test_menus_go_and_an_index_page_stays() -> None:
    menu = "<ul>" + "".join(f"<li><a href=x>Item {n}</a></li>" for n in range(6)) + "</ul>"
    assert "Item" not in html_to_markdown(f"<body>{menu}<p>{'A long paragraph of content. ' * 20}</p></body>")
    assert "Item 3" in html_to_markdown(f"<body><h1>Forms</h1>{menu}</body>")


def test_page_edges_go_only_around_a_main_part() -> None:
    edges = "<header><p>Site name</p></header>{}<footer><p>Imprint</p></footer>"
    main = "<main><header><h1>Title</h1></header><p>" + "Content of the page. " * 10 + "</p></main>"
    assert "Imprint" not in html_to_markdown(edges.format(main))
    assert "Title" in html_to_markdown(edges.format(main))
    assert "Imprint" in html_to_markdown(edges.format("<p>Short.</p>"))


def test_the_title_is_decoded() -> None:
    assert html_title("<title>\n Fees &amp; charges </title>") == "Fees & charges"
    assert html_title("<p>none</p>") == ""


def test_the_declared_encoding_is_used(tmp_path: Path) -> None:
    page = '<html><head><meta charset="koi8-r"><title>Сборы</title></head><body><p>Комиссия за перевод</p></body></html>'
    document = only(load(tmp_path, "a.html", page.encode("koi8-r")))
    assert document["text"] == "Комиссия за перевод"
    assert document["title"] == "Сборы"


def test_huge_spans_stay_bounded() -> None:
    cell = f"<td rowspan=99999 colspan=99999>{'x' * 5000}</td>"
    assert len(html_to_markdown(f"<table><tr>{cell * 50}</tr><tr><td>end</td></tr></table>")) < 10_000_000


def test_control_characters_do_not_break_a_page() -> None:
    text = html_to_markdown(
        "<p>a&#1;b\x00c \ufffe</p><table><caption>C&#3;</caption><tr><td>x&#2;y</td><td>z\x1b</td></tr></table>"
    )
    assert text.split() == ["abc", "C", "|", "xy", "|", "z", "|", "|", "---", "|", "---", "|"]
