"""The whole journey of a person who has only a browser, in a real one, against a real server process with fake models."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.flow.browsers import browsing
from tests.flow.served_workspaces import ROOT, install_fakes, make_bank, serving_process

pytestmark = pytest.mark.slow

PATIENCE_MS = 180_000
"""Long, because nothing here is about speed and machines may be busy."""
QUESTION = "Can I call back a transfer that I sent by mistake?"
"""Its digest puts it among the held-out questions, so that the next comparison asks it."""
CORRECTION = "A transfer may be recalled until it has been booked."


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as found:
        yield found


class Visitor:
    """A browser window that remembers what went wrong in it."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.address = address
        self.problems: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{self.page.url}: {message.text}")

    def open(self, path: str) -> Any:
        self.page.goto(f"{self.address}{path}")
        return self.page


def test_from_a_folder_to_a_rollback(browser: Any, tmp_path: Path) -> None:
    environment = install_fakes(tmp_path / "plugins")
    folder = make_bank(tmp_path / "bank", documents=False)
    source = tmp_path / "chosen"
    shutil.copytree(ROOT / "examples" / "bank-support" / "documents" / "transfers", source / "transfers")
    with serving_process(folder, environment, "--groups", "staff") as (address, _):
        visitor = Visitor(browser, address)
        _upload(visitor, source)
        answered_by = _ask(visitor, QUESTION)
        assert "unreleased" in answered_by
        _correct_and_accept(visitor)
        run = _compare(visitor, ("base", "rag"))
        _see_the_correction(visitor, run)
        releases = [_release(visitor, run, name) for name in ("rag", "base")]
        assert releases[1] in _ask(visitor, QUESTION)
        page = visitor.open("/releases")
        page.fill("form.rollback input[name=reason]", "too short")
        page.click("form.rollback button")
        assert releases[0] in page.text_content("table tr:has(.badge.good) th")
        assert "too short" in page.text_content("main")
        assert releases[0] in _ask(visitor, QUESTION)
        assert visitor.problems == []


def _upload(visitor: Visitor, source: Path) -> None:
    page = visitor.open("/")
    page.click("text=Add documents")
    page.set_input_files("#folder", source)
    page.click("text=Upload and read")
    page.wait_for_selector("td >> text=up to date")
    page.wait_for_selector("#ingest-state[data-state=done]")
    names = page.locator("tbody tr").count()
    assert names == sum(path.is_file() for path in source.rglob("*"))
    assert "transfers/" in page.text_content("tbody")


def _ask(visitor: Visitor, question: str) -> str:
    page = visitor.open("/ask")
    page.fill("#question", question)
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer form.feedback")
    page.click("summary:has-text('Why this answer?')")
    return str(page.text_content(".trace dl"))


def _correct_and_accept(visitor: Visitor) -> None:
    page = visitor.page
    source = page.locator(".sources a").first
    source.click()
    mark = page.locator("mark#passage")
    mark.wait_for()
    box, height = mark.bounding_box(), page.viewport_size["height"]
    assert -5 <= box["y"] < height, "the passage is not in view"
    _ask(visitor, QUESTION)
    page.click("summary:has-text('Correct it')")
    page.fill("textarea[name=correction]", CORRECTION)
    page.click("text=Send the correction")
    page.wait_for_selector("h1:has-text('Thank you')")
    page = visitor.open("/")
    assert "1 reaction waits" in page.text_content(".next")
    page.click(".next a")
    assert page.input_value("textarea[name=answer]") == CORRECTION
    page.click("text=It was wrong: take the right answer")
    page.wait_for_selector("text=Nothing waits for a verdict.")
    page = visitor.open("/examples?place=9")
    assert CORRECTION in page.text_content("#rows")


def _compare(visitor: Visitor, strategies: tuple[str, ...]) -> str:
    page = visitor.open("/compare")
    for box in page.locator("input[name=strategy]").all():
        box.set_checked(box.get_attribute("value") in strategies)
    page.fill("input[name=minutes]", "0")
    page.click("form[action='/compare'] button")
    page.wait_for_selector(".task")
    page.reload()
    assert page.locator(".task").count() == 1
    page.wait_for_selector("text=See the result")
    page.click("text=See the result")
    assert page.locator("svg.interval").count() == len(strategies)
    return str(page.url.rsplit("/", 1)[1])


def _see_the_correction(visitor: Visitor, run: str) -> None:
    page = visitor.open(f"/compare/{run}/questions?left=base&right=rag")
    seen = ""
    while True:
        seen += page.text_content("main")
        following = page.locator("a[rel=next]")
        if not following.count():
            break
        following.click()
    assert CORRECTION in seen, "the accepted correction is not among the held-out questions"
    page = visitor.open(f"/compare/{run}")
    page.click("text=Printed report")
    assert page.locator("h1").count() == 1


def _release(visitor: Visitor, run: str, strategy: str) -> str:
    page = visitor.open(f"/compare/{run}")
    page.select_option("select[name=strategy]", strategy)
    page.fill("form[action='/releases'] input[name=reason]", "first try")
    page.fill("form[action='/releases'] input[name=override]", "to see it answer")
    page.click("form[action='/releases'] button")
    page.wait_for_selector("h1:has-text('Releases')")
    row = page.locator("tbody tr", has=page.locator("form.move")).first
    name = str(row.locator("b").text_content())
    row.locator("input[name=reason]").fill("go")
    row.locator("text=Promote").click()
    page.wait_for_selector(f"tr:has(.badge.good) >> text={name}")
    return name


PAGES = ("/", "/ask", "/documents", "/documents/transfers/international-transfers.md", "/examples", "/compare", "/train", "/review", "/releases", "/health", "/advise", "/login", "/nothing")  # fmt: skip


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base = tmp_path_factory.mktemp("looks")
    environment = install_fakes(base / "plugins")
    with serving_process(make_bank(base / "bank"), environment) as (address, _):
        yield address


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 900}},
    "dark": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}},
    "zh": {"viewport": {"width": 1200, "height": 900}, "locale": "zh-CN"},
    "ja-narrow": {"viewport": {"width": 360, "height": 740}, "locale": "ja-JP"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_fits_its_window_and_breaks_no_rule_of_its_policy(
    browser: Any, bank: str, look: str
) -> None:
    visitor = Visitor(browser, bank, **LOOKS[look])
    kept = os.environ.get("KNOWHOW_SCREENSHOTS")
    for path in PAGES:
        page = visitor.open(path)
        spill = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert spill <= 0, f"{path} is {spill} pixels wider than its window"
        assert page.locator("h1").count() == 1, path
        if kept:
            name = re.sub(r"\W+", "-", path).strip("-") or "home"
            page.screenshot(path=Path(kept) / f"{look}-{name}.png", full_page=True)
    assert [text for text in visitor.problems if "404" not in text] == []


def test_everything_is_reached_by_keyboard_and_shows_where_the_focus_is(browser: Any, bank: str) -> None:
    visitor = Visitor(browser, bank)
    for path in PAGES:
        page = visitor.open(path)
        page.evaluate("document.activeElement.blur()")
        wanted = page.locator(
            "a[href], button:visible, input:visible, select:visible, textarea:visible, summary:visible"
        ).count()
        seen: set[str] = set()
        for _ in range(min(wanted, 60)):
            page.keyboard.press("Tab")
            place, outline = page.evaluate(
                "() => { const it = document.activeElement, style = getComputedStyle(it);"
                " return [it.outerHTML.slice(0, 200), style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth)]; }"
            )
            assert place.startswith("<body") or outline >= 1, f"{path}: the focus cannot be seen on {place}"
            seen.add(place)
        assert any('class="skip"' in place for place in seen), path
        assert len(seen) >= min(wanted, 60) // 2, path


def test_the_language_stays_once_chosen(browser: Any, bank: str) -> None:
    visitor = Visitor(browser, bank, locale="en-US")
    page = visitor.open("/compare")
    page.click("footer >> text=日本語")
    assert page.get_attribute("html", "lang") == "ja"
    page = visitor.open("/documents")
    assert page.get_attribute("html", "lang") == "ja"
    assert page.url.endswith("/documents")
    page.click("footer >> text=简体中文")
    assert page.get_attribute("html", "lang") == "zh-Hans"


def test_advice_follows_every_answer(browser: Any, bank: str) -> None:
    page = Visitor(browser, bank).open("/advise")
    page.check("input[name=goal][value=knowledge]")
    page.wait_for_selector(".verdict")
    before = page.text_content(".verdict strong")
    page.check("input[name=goal][value=behaviour]")
    page.wait_for_function(
        "before => document.querySelector('.verdict strong').textContent !== before", arg=before
    )
    assert "goal=behaviour" in page.url
    assert page.evaluate("document.activeElement.value") == "behaviour"


def test_a_deleted_document_leaves_a_receipt(browser: Any, bank: str) -> None:
    page = Visitor(browser, bank).open("/documents")
    page.click("form.ingest button")
    page.wait_for_selector("#ingest-state[data-state=done]")
    page.goto(page.url)
    row = page.locator("tr", has_text="accounts/dormant-accounts.txt")
    row.locator("summary").click()
    row.locator("input[name=reason]").fill("asked for by the customer")
    row.locator("button.danger").click()
    page.wait_for_selector("text=See the receipt")
    assert page.locator("tr", has_text="accounts/dormant-accounts.txt").count() == 0
    page.click("text=See the receipt")
    assert "nothing was found afterwards" in page.text_content("main"), page.text_content("main")
    assert "signature is right" in page.text_content("main")
