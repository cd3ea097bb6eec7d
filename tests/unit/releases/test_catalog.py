"""The catalog: pointer moves, the log that cannot be edited unseen, interrupted work, and hostile archives."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowhow.errors import DataError, NotFoundError, PolicyError
from knowhow.releases.archive import ArchiveLimits
from knowhow.releases.catalog import Catalog
from knowhow.releases.events import PROMOTED, ROLLED_BACK, Event, find_standing
from knowhow.releases.release import Proof, Release, check_identifier, check_path

PROOF = Proof("run1", "token_f1", 0.5, 0.4, 0.6, 40, "rag", True, "Use rag.")
WHO = {"by": "ada", "reason": "a test"}


def draft(strategy: str = "rag", **options: object) -> Release:
    return Release(
        "", strategy, 0, options, {"prompt": {"max_tokens": 9}}, {}, "base", "embedder", (), PROOF, "split", "2026-01-01", "ada", "a test"
    )  # fmt: skip


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "releases")


def fitted(folder: Path, text: str = "weights") -> Path:
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter" / "adapter_model.safetensors").write_text(text)
    (folder / "rows.jsonl").write_text("{}\n")
    return folder


def make(catalog: Catalog, tmp_path: Path, name: str) -> Release:
    return catalog.create(draft(name), fitted(tmp_path / f"fitted-{name}", name))


def test_promote_and_roll_back_move_one_pointer(catalog: Catalog, tmp_path: Path) -> None:
    a, b, c = (make(catalog, tmp_path, name) for name in "abc")
    for release in (a, b, c):
        catalog.promote(release.id, **WHO)
    assert catalog.standing().champion == c.id
    assert catalog.rollback(**WHO).release == b.id
    assert catalog.rollback(**WHO).release == a.id
    with pytest.raises(PolicyError, match="no earlier champion"):
        catalog.rollback(**WHO)
    catalog.promote(b.id, **WHO)
    catalog.promote(c.id, **WHO)
    assert catalog.rollback(to=a.id, **WHO).previous == c.id
    assert catalog.standing().champions == (a.id,)
    kinds = [event.kind for event in catalog.events()]
    assert kinds.count("promoted") == 5
    assert kinds.count("rolled_back") == 3
    assert catalog.get("champion").id == a.id


def test_rollback_goes_only_to_earlier_champions(catalog: Catalog, tmp_path: Path) -> None:
    a, b = (make(catalog, tmp_path, name) for name in "ab")
    catalog.promote(a.id, **WHO)
    with pytest.raises(PolicyError, match="not an earlier champion"):
        catalog.rollback(to=b.id, **WHO)
    with pytest.raises(PolicyError, match="champion already"):
        catalog.promote(a.id, **WHO)


def test_a_challenger_becomes_champion_or_is_withdrawn(catalog: Catalog, tmp_path: Path) -> None:
    a, b = (make(catalog, tmp_path, name) for name in "ab")
    catalog.promote(a.id, **WHO)
    with pytest.raises(PolicyError, match="cannot challenge itself"):
        catalog.promote(a.id, alias="challenger", **WHO)
    catalog.promote(b.id, alias="challenger", **WHO)
    assert catalog.get("challenger").id == b.id
    catalog.withdraw_challenger(**WHO)
    with pytest.raises(NotFoundError, match="no challenger"):
        catalog.get("challenger")
    catalog.promote(b.id, alias="challenger", **WHO)
    catalog.promote(b.id, **WHO)
    assert (catalog.standing().champion, catalog.standing().challenger) == (b.id, "")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=30))
def test_the_champion_is_always_the_last_move_and_history_never_repeats_a_rolled_back_release(
    moves: list[tuple[str, bool]],
) -> None:
    events: list[Event] = []
    for release, is_rollback in moves:
        champions = find_standing(events).champions
        if is_rollback and len(champions) > 1:
            events.append(Event(0, "", ROLLED_BACK, champions[-2], "x", "y", "champion", champions[-1]))
            assert find_standing(events).champions == champions[:-1]
        elif not champions or champions[-1] != release:
            events.append(Event(0, "", PROMOTED, release, "x", "y", "champion"))
            assert find_standing(events).champion == release


@pytest.mark.parametrize("by_reason", [("", "why"), ("ada", " ")])
def test_nothing_happens_without_person_and_reason(
    catalog: Catalog, tmp_path: Path, by_reason: tuple[str, str]
) -> None:
    release = make(catalog, tmp_path, "a")
    with pytest.raises(PolicyError, match="person and a reason"):
        catalog.promote(release.id, by=by_reason[0], reason=by_reason[1])
    assert catalog.standing().champion == ""


@pytest.mark.parametrize(
    "edit",
    [
        lambda lines: [lines[0].replace("ada", "eve"), *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], lines[2], lines[1]],
        lambda lines: [lines[0], lines[2]],
    ],
)
def test_an_edited_log_is_noticed(
    catalog: Catalog, tmp_path: Path, edit: Callable[[list[str]], list[str]]
) -> None:
    for name in "abc":
        make(catalog, tmp_path, name)
    lines = catalog.log.read_text().splitlines(keepends=True)
    catalog.log.write_text("".join(edit(lines)))
    with pytest.raises(DataError, match="log was edited"):
        catalog.events()


def test_an_interrupted_creation_leaves_nothing_and_is_overwritten(catalog: Catalog, tmp_path: Path) -> None:
    release = make(catalog, tmp_path, "a")
    shutil.copytree(catalog.folder / release.id, tmp_path / "rest")
    other = Catalog(tmp_path / "other")
    shutil.copytree(tmp_path / "rest", other.folder / release.id)
    (other.folder / release.id / "fitted" / "stray").write_text("half")
    assert other.releases() == []
    again = other.create(draft("a"), tmp_path / "fitted-a")
    assert again.id == release.id
    assert sorted(path.name for path in other.fitted(again).iterdir()) == ["adapter", "rows.jsonl"]


def test_a_changed_manifest_and_a_stray_file_are_refused(catalog: Catalog, tmp_path: Path) -> None:
    release = make(catalog, tmp_path, "a")
    (catalog.folder / release.id / "fitted" / "extra.bin").write_text("x")
    with pytest.raises(DataError, match="does not belong"):
        catalog.promote(release.id, **WHO)
    manifest = catalog.folder / release.id / "release.json"
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(DataError, match="not the manifest"):
        catalog.get(release.id)


def test_links_are_not_released(catalog: Catalog, tmp_path: Path) -> None:
    folder = fitted(tmp_path / "f")
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match="is a link"):
        catalog.create(draft(), folder)


def test_an_archive_travels_and_is_the_same_bytes_each_time(catalog: Catalog, tmp_path: Path) -> None:
    release = make(catalog, tmp_path, "a")
    catalog.export(release.id, tmp_path / "one.tar")
    catalog.export(release.id, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        assert "release.json" in archive.getnames()
    other = Catalog(tmp_path / "elsewhere")
    assert other.take_archive(tmp_path / "one.tar", **WHO) == release
    assert other.events()[0].kind == "imported"
    other.promote(release.id, **WHO)
    assert (other.fitted(release) / "adapter" / "adapter_model.safetensors").read_text() == "a"
    with pytest.raises(PolicyError, match="exists already"):
        other.take_archive(tmp_path / "one.tar", **WHO)
    with pytest.raises(PolicyError, match="exists already"):
        catalog.export(release.id, tmp_path / "one.tar")


def _member(name: str, data: bytes = b"x", **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    body = data if info.isreg() else b""
    info.size = len(body) if "size" not in fields else info.size
    return info.tobuf(tarfile.GNU_FORMAT) + body + b"\0" * (-len(body) % 512)


END = b"\0" * 1024
HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "parent": lambda whole: _member("../../evil") + whole,
    "inside parent": lambda whole: _member("fitted/../../evil") + whole,
    "absolute": lambda whole: _member("/evil") + whole,
    "backslash": lambda whole: _member("fitted\\..\\evil") + whole,
    "drive": lambda whole: _member("C:/evil") + whole,
    "control character": lambda whole: _member("fitted/a\nb") + whole,
    "symbolic link": lambda whole: _member("fitted/l", type=tarfile.SYMTYPE, linkname="/etc") + whole,
    "hard link": lambda whole: _member("fitted/l", type=tarfile.LNKTYPE, linkname="/etc/passwd") + whole,
    "device": lambda whole: _member("fitted/d", type=tarfile.CHRTYPE) + whole,
    "pipe": lambda whole: _member("fitted/p", type=tarfile.FIFOTYPE) + whole,
    "folder": lambda whole: _member("fitted/f/", type=tarfile.DIRTYPE) + whole,
    "sparse": lambda whole: _member("fitted/s", type=tarfile.GNUTYPE_SPARSE) + whole,
    "long name extension": lambda whole: _member("fitted/" + "n" * 300) + whole,
    "lying size": lambda whole: _member("fitted/big", size=1 << 40) + whole,
    "stray file": lambda whole: _member("fitted/stray") + whole,
    "file outside": lambda whole: _member("setup.py") + whole,
    "twice": lambda whole: _member("fitted/adapter/adapter_model.safetensors") + whole,
    "other case": lambda whole: _member("fitted/ROWS.jsonl") + whole,
    "file as folder": lambda whole: _member("fitted/adapter") + whole,
    "no manifest": lambda whole: _member("fitted/a") + END,
    "cut off": lambda whole: whole[:700],
    "empty": lambda whole: b"",
    "not an archive": lambda whole: b"PK\x03\x04" + bytes(range(256)) * 8,
    "gzip": lambda whole: __import__("gzip").compress(whole),
    "manifest is a list": lambda whole: _member("release.json", b"[]") + END,
    "manifest too deep": lambda whole: _member("release.json", b"[" * 100_000) + END,
    "changed file": lambda whole: whole.replace(b"{}\n", b"[]\n"),
    "changed manifest": lambda whole: whole.replace(b'"seed": 0', b'"seed": 7'),
    "many files": lambda whole: b"".join(_member(f"fitted/{n}") for n in range(40)) + whole,
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_archives_leave_nothing(catalog: Catalog, tmp_path: Path, attack: str) -> None:
    release = make(catalog, tmp_path, "a")
    catalog.export(release.id, tmp_path / "good.tar")
    bad = tmp_path / "bad.tar"
    bad.write_bytes(HOSTILE[attack]((tmp_path / "good.tar").read_bytes()))
    target = tmp_path / "deep" / "er" / "releases"
    before = sorted(path for path in tmp_path.rglob("*") if target not in path.parents)
    with pytest.raises(DataError):
        Catalog(target).take_archive(bad, limits=ArchiveLimits(files=16, total_bytes=1 << 20), **WHO)
    assert [path.name for path in target.rglob("*") if path.name != ".lock"] == []
    created = {tmp_path / "deep", tmp_path / "deep" / "er", target}
    after = sorted(path for path in tmp_path.rglob("*") if target not in path.parents)
    assert set(after) - set(before) <= created
    assert not Path("/evil").exists()


def test_a_forged_id_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    release = make(catalog, tmp_path, "a")
    catalog.export(release.id, tmp_path / "good.tar")
    value = json.loads((catalog.folder / release.id / "release.json").read_text())
    forged = json.dumps({**value, "strategy": "raft"}).encode()
    (tmp_path / "bad.tar").write_bytes(_member("release.json", forged) + END)
    with pytest.raises(DataError, match="does not give its id"):
        Catalog(tmp_path / "other").take_archive(tmp_path / "bad.tar", **WHO)


@pytest.mark.parametrize("name", ["../x", "a/b", "A", "", "a" * 65, "x\n", "-a", "ｒag"])
def test_identifiers_never_become_paths(name: str, catalog: Catalog) -> None:
    with pytest.raises(NotFoundError):
        check_identifier(name)
    with pytest.raises(NotFoundError):
        catalog.get(name)


@given(st.text(min_size=1, max_size=40))
def test_accepted_paths_stay_inside(path: str) -> None:
    try:
        check_path(path, "x")
    except DataError:
        return
    root = Path("/srv/release")
    assert root in (root / path).parents
    assert ".." not in Path(path).parts


def test_an_unknown_release_names_the_known(catalog: Catalog, tmp_path: Path) -> None:
    release = make(catalog, tmp_path, "rag")
    assert catalog.get(release.id[:6]).id == release.id
    with pytest.raises(NotFoundError, match=release.id):
        catalog.get("rug")
    with pytest.raises(NotFoundError, match="knowhow release promote"):
        catalog.get("champion")
