from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from knowhow.config import PrivacySettings
from knowhow.errors import ConfigError, NotFoundError, PolicyError
from knowhow.privacy.masking import Masking, build_masking
from knowhow.privacy.vault import KEY_VARIABLE, Vault, write_key

MIXED = st.lists(
    st.sampled_from(
        [
            "13812345678", "4111 1111 1111 1111", "11010519491231002X", "a.b@example.com", "客户王小明先生", "+44 20 7946 0958", "地址：北京市海淀区中关村大街27号",
            "My name is Anna Schmidt", "GB82 WEST 1234 5698 7654 32", "10.1.2.3", "[email]", "[phone:abcdefgh234567ab]", "订单号", " ", "，", "\n", "-", "2024-05-01", "no", "1", "８",
            "219-09-9999", "粤B12345", "12 Baker Street, London", "fe80::1", "@", "x",
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


def masking(mode: str = "mask", path: Path | None = None, key: bytes = b"", **values: object) -> Masking:
    chosen = PrivacySettings(mode=mode, **{"names": "anchored", **values})  # type: ignore[arg-type]
    if mode == "pseudonymise":
        assert path is not None
        return Masking(chosen, (), Vault(path, key or Fernet.generate_key()))
    made = build_masking(chosen, Path("vault"), Path())
    assert made is not None
    return made


def test_each_mode() -> None:
    text = "mail a@b.example or 13812345678!"
    assert masking("mask")(text) == "mail [email] or [phone]!"
    assert masking("drop")(text) == "mail  or !"
    assert masking("mask", kinds=("phone",))(text) == "mail a@b.example or [phone]!"
    assert masking("mask", patterns={"case": r"KB-\d+"})("case KB-77, a@b.example") == "case [case], [email]"


@pytest.mark.parametrize("mode", ["mask", "drop"])
@given(text=MIXED)
@settings(max_examples=150, deadline=None)
def test_masking_twice_changes_nothing(mode: str, text: str) -> None:
    mask = masking(mode)
    once = mask(text)
    assert mask(once) == once
    assert mask.find(once) == []


@given(text=st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_keeps_what_is_outside_of_the_spans(text: str) -> None:
    mask = masking()
    found = mask.find(text)
    kept, place = [], 0
    for item in found:
        assert item.text == text[item.start : item.end]
        assert place <= item.start < item.end
        kept.append(text[place : item.start])
        place = item.end
    if not found:
        assert mask(text) == text
    rest = mask(text)
    for piece in kept:
        if not mask.find(piece):
            assert piece in rest


def test_values_are_masked_wherever_they_stand() -> None:
    value = {"a@b.example": ["call 13812345678", {"deep": ("x@y.example", 3, None)}]}
    assert masking().mask_value(value) == {"a@b.example": ["call [phone]", {"deep": ("[email]", 3, None)}]}


def test_a_pseudonym_is_the_same_for_every_spelling_and_another_under_another_key(tmp_path: Path) -> None:
    key = Fernet.generate_key()
    one = masking("pseudonymise", tmp_path / "one.jsonl", key)
    first = one("call 138-1234-5678")
    assert first == one("call １３８１２３４５６７８") == one("call +86 138 1234 5678")
    assert first != one("call 13812345679")
    assert first == masking("pseudonymise", tmp_path / "two.jsonl", key)("call 13812345678")
    assert first != masking("pseudonymise", tmp_path / "three.jsonl")("call 13812345678")
    assert one(first) == first


def test_the_vault_leads_back_only_with_its_key(tmp_path: Path) -> None:
    key, path = Fernet.generate_key(), tmp_path / "vault.jsonl"
    masked = masking("pseudonymise", path, key)("write to li.lei@example.cn or 13812345678")
    assert "li.lei" not in masked
    assert b"li.lei" not in path.read_bytes()
    assert b"13812345678" not in path.read_bytes()
    assert Vault(path, key).reveal(masked) == "write to [li.lei@example.cn] or [13812345678]".replace(
        "[", ""
    ).replace("]", "")
    with pytest.raises(PolicyError, match="another key"):
        Vault(path, Fernet.generate_key())
    with pytest.raises(ConfigError, match="44 characters"):
        Vault(path, b"short")


def test_two_openings_of_one_vault_see_each_other(tmp_path: Path) -> None:
    key, path = Fernet.generate_key(), tmp_path / "vault.jsonl"
    one, two = Vault(path, key), Vault(path, key)
    names = [
        *one.name([("email", "a@b.example")]),
        *two.name([("email", "a@b.example"), ("email", "c@d.example")]),
    ]
    assert names[0] == names[1]
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 3, "a header and two values: nothing is written twice"
    assert Vault(path, key).reveal(names[2]) == "c@d.example"


def test_what_is_forgotten_leads_nowhere(tmp_path: Path) -> None:
    key, path = Fernet.generate_key(), tmp_path / "vault.jsonl"
    vault = Vault(path, key)
    gone, kept = vault.name([("email", "a@b.example"), ("email", "c@d.example")])
    assert vault.forget([f"see [{gone}]"]) == 1
    assert vault.reveal(f"{gone} {kept}") == f"{gone} c@d.example"
    assert vault.name([("email", "a@b.example")]) == [gone]


def test_a_vault_that_was_wiped_begins_anew(tmp_path: Path) -> None:
    key, path = Fernet.generate_key(), tmp_path / "vault.jsonl"
    vault = Vault(path, key)
    name = vault.name([("email", "a@b.example")])[0]
    path.unlink()
    vault.name([("email", "a@b.example")])
    assert Vault(path, key).reveal(name) == "a@b.example"


def test_the_key_comes_from_the_environment_or_a_closed_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    wanted = PrivacySettings(mode="pseudonymise")
    with pytest.raises(ConfigError, match="knowhow pii key"):
        build_masking(wanted, tmp_path / "vault.jsonl", tmp_path)
    file = tmp_path / "vault.key"
    named = PrivacySettings(mode="pseudonymise", key_file="vault.key", names="anchored")
    with pytest.raises(NotFoundError, match="does not exist"):
        build_masking(named, tmp_path / "vault.jsonl", tmp_path)
    write_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(PolicyError, match="never overwritten"):
        write_key(file)
    made = build_masking(named, tmp_path / "vault.jsonl", tmp_path)
    assert made is not None
    assert made("a@b.example").startswith("[email:")
    file.chmod(0o644)
    with pytest.raises(PolicyError, match="chmod 600"):
        build_masking(named, tmp_path / "vault.jsonl", tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, file.read_text().strip())
    assert build_masking(wanted, tmp_path / "vault.jsonl", tmp_path) is not None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "not a regular expression"),
        ("a*", "matches nothing"),
        ("", "1 to 1000"),
        ("x" * 1001, "1 to 1000"),
    ],
)
def test_bad_patterns_are_named(pattern: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        masking(patterns={"case": pattern})


def test_bad_names_of_kinds_are_named() -> None:
    with pytest.raises(ConfigError, match="lower-case"):
        masking(patterns={"Case No": "x"})
    with pytest.raises(NotFoundError, match="email"):
        masking(kinds=("e-mail",))


def test_a_pattern_that_runs_away_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowhow.privacy.custom.TIME_LIMIT_SECONDS", 0.05)
    with pytest.raises(ConfigError, match="runaway: the pattern ran longer"):
        masking(patterns={"runaway": r"(?:[a-z]|[a-y]x?)+\d"})("a" * 100)


def test_the_value_group_of_a_pattern_says_what_is_personal() -> None:
    assert (
        masking(patterns={"member": r"member (?P<value>[A-Z]\d+)"})("member K77 left")
        == "member [member] left"
    )


def test_off_masks_nothing_but_still_checks_the_patterns() -> None:
    assert build_masking(PrivacySettings(), Path("v"), Path()) is None
    with pytest.raises(ConfigError, match="not a regular"):
        build_masking(PrivacySettings(patterns={"case": "("}), Path("v"), Path())


def test_the_identity_changes_with_everything_that_decides(tmp_path: Path) -> None:
    identities = {
        masking().identity,
        masking("drop").identity,
        masking(kinds=("email",)).identity,
        masking(patterns={"case": "KB"}).identity,
        masking("pseudonymise", tmp_path / "a").identity,
        masking("pseudonymise", tmp_path / "b").identity,
    }
    assert len(identities) == 6
