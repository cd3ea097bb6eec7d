from pathlib import Path

import pytest
from tests.unit.corpus.loading import load, only, problem


def test_text_keeps_its_paragraphs(tmp_path: Path) -> None:
    document = only(load(tmp_path, "a.txt", "\ufeffOne.\r\n\r\nTwo\x00.\r\n".encode("utf-16")))
    assert document["text"] == "One.\n\nTwo."
    assert document["regions"] == [[0, 10, None, []]]


def test_markdown_front_matter_is_not_text(tmp_path: Path) -> None:
    source = "---\ntitle: Card fees\ngroups: [staff, hr]\nowner: Ops\n---\n# Heading\n\nText."
    document = only(load(tmp_path, "a.md", source))
    assert (document["title"], document["groups"]) == ("Card fees", ["hr", "staff"])
    assert document["metadata"] == {"owner": "Ops"}
    assert document["text"] == "# Heading\n\nText."
    assert document["regions"][0][3] == ["Heading"]


def test_toml_front_matter(tmp_path: Path) -> None:
    document = only(load(tmp_path, "a.md", '+++\ngroups = ["staff"]\n+++\nText.'))
    assert (document["groups"], document["text"]) == (["staff"], "Text.")


def test_markdown_without_front_matter(tmp_path: Path) -> None:
    document = only(load(tmp_path, "a.md", "# Fees\n\nText."))
    assert (document["title"], document["groups"], document["is_markdown"]) == ("Fees", None, True)


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    document = only(load(tmp_path, "a.md", "---\nJust a line: [not yaml\n---\nText."))
    assert document["text"].startswith("---\nJust a line")


@pytest.mark.parametrize(
    "head",
    [
        "---\ngroups: [staff\n---\n",
        "---\ngroups:\n---\n",
        "---\ngroups: []\n---\n",
        "---\ngroups: staff, hr\n---\n",
        "---\ngroup: staff\n---\n",
        "---\ntitle: *x\ngroups: [staff]\n---\n",
        "---\ngroups: [staff]\ntitle: no end\n\nBody",
        '+++\ngroups = "staff\n+++\n',
        "---\ngroups: &a [*a]\n---\n",
    ],
)
def test_doubtful_readers_keep_the_document_out(tmp_path: Path, head: str) -> None:
    assert problem(load(tmp_path, "a.md", head + "Secret."))["kind"] == "groups"


def test_aliases_in_front_matter_do_not_unfold(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    document = only(load(tmp_path, "a.md", f"---\n{bomb}---\nText."))
    assert document["text"].endswith("Text.")
    assert document["metadata"] == {}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_rows_carry_their_header(tmp_path: Path, delimiter: str) -> None:
    rows = [["Branch", "Hours"], ["Old Mill", "9 to 5"], ["Pier", "8 to 7"]]
    source = "\n".join(delimiter.join(row) for row in rows)
    document = only(load(tmp_path, "a.csv", source))
    assert document["text"] == "Branch | Hours\nBranch: Old Mill; Hours: 9 to 5\nBranch: Pier; Hours: 8 to 7"


def test_csv_in_shift_jis_with_quotes(tmp_path: Path) -> None:
    source = '支店,住所\n本店,"東京都,千代田区"\n'.encode("shift_jis")
    assert only(load(tmp_path, "a.csv", source))["text"].endswith("支店: 本店; 住所: 東京都,千代田区")


def test_json_lines_are_one_document_per_row(tmp_path: Path) -> None:
    source = "\n".join(
        [
            '{"id": "a", "title": "T", "text": "Body.", "groups": ["staff"], "metadata": {"v": 2}}',
            '{"id": 7, "question": "Which phones?", "answer": "Android 11."}',
            "",
            '{"text": "No id."}',
        ]
    )
    reply = load(tmp_path, "faq.jsonl", source)
    assert [(d["row"], d["title"], d["text"], d["groups"]) for d in reply["documents"]] == [
        ("a", "T", "Body.", ["staff"]),
        (
            "7",
            "Which phones?",
            "Question: Which phones?\nAnswer: Android 11.",
            None,
        ),
        ("4", "", "No id.", None),
    ]
    assert reply["documents"][0]["metadata"] == {"v": "2"}
    assert reply["problems"] == []


def test_bad_rows_are_named_and_the_others_stay(tmp_path: Path) -> None:
    rows = ['{"id": "a", "text": "Good."}', "{broken", '["list"]', '{"id": "e"}', '{"id": "a", "text": "Twice."}',
            '{"id": "s", "text": "Secret.", "groups": "a, b"}', '{"id": "t", "text": "Secret.", "group": ["a"]}']  # fmt: skip
    reply = load(tmp_path, "faq.jsonl", "\n".join(rows))
    assert [d["text"] for d in reply["documents"]] == ["Good."]
    assert [(p["row"], p["kind"]) for p in reply["problems"]] == [
        ("2", "unreadable"), ("3", "unreadable"), ("4", "empty"), ("5", "duplicate"), ("6", "groups"), ("7", "groups"),
    ]  # fmt: skip
    assert reply["problems"][0]["reason"].startswith("Line 2:")


def test_rst_headings(tmp_path: Path) -> None:
    document = only(
        load(tmp_path, "a.rst", "====\nMain\n====\n\nIntro.\n\nPart\n----\n\nText.\n\nMore\n----\nEnd.")
    )
    assert [region[3] for region in document["regions"]] == [["Main"], ["Main", "Part"], ["Main", "More"]]


@pytest.mark.parametrize("data", [b"", b"  \n\n "])
def test_an_empty_file_is_a_problem(tmp_path: Path, data: bytes) -> None:
    assert problem(load(tmp_path, "a.txt", data))["kind"] == "empty"


def test_a_file_without_text_is_a_problem(tmp_path: Path) -> None:
    assert (
        problem(load(tmp_path, "a.html", "<html><body><script>x()</script></body></html>"))["kind"]
        == "no_text"
    )
