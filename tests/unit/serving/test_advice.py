"""The advisor's page over HTTP."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from tests.unit.releases.workspaces import make_workspace
from tests.unit.serving.servers import client, serving


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = make_workspace(tmp_path_factory.mktemp("advice"))
    with serving(folder) as (place, _):
        yield place


def test_the_page_follows_the_browser_and_the_choice(address):
    with client(address, **{"Accept-Language": "fr,ja;q=0.8,en;q=0.5"}) as browser:
        assert '<html lang="ja">' in browser.get("/advise").text
        assert '<html lang="zh-Hans">' in browser.get("/advise?lang=zh").text


def test_answers_in_the_address_give_advice_and_a_page_to_print(address):
    query = "goal=both&changes=fast&citations=yes&examples=1000&example_kind=checked&lang=en"
    with client(address) as browser:
        form = browser.get(f"/advise?{query}")
        assert "RAG + light fine-tuning" in form.text
        link = re.search(r'href="(/advise\?[^"]*view=page)"', form.text)
        assert link
        page = browser.get(link[1].replace("&amp;", "&"))
    assert page.status_code == 200
    assert "Your case, dimension by dimension" in page.text


def test_only_the_pages_own_style_may_load(address):
    with client(address) as browser:
        page = browser.get("/advise?goal=knowledge&view=page&lang=en")
    policy = page.headers["content-security-policy"]
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style
    assert f"'sha256-{b64encode(sha256(style[1].encode()).digest()).decode()}'" in policy
    assert "unsafe-inline" not in policy
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("query", ["goal=speed", "goal=both&examples=many", "goal=both&lang=tlh"])
def test_wrong_answers_are_the_askers_mistake(address, query):
    with client(address) as browser:
        assert browser.get(f"/advise?{query}").status_code == 400
