"""What the SQLite index promises beyond the contract: other processes, other embedders, nothing left of what was deleted."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from knowhow.errors import ConfigError, DataError, PolicyError
from knowhow.retrieval import analysis, install_index
from knowhow.retrieval.engine.database import install
from knowhow.retrieval.indexes.sqlite import SqliteIndex
from knowhow.testing.index_contract import EMBEDDER, PUBLIC, VOCABULARY, cut, make_document, put, search


def open_index(folder: Path, embedder: str = "fake", **options: float) -> SqliteIndex:
    return SqliteIndex(folder / "index.sqlite", embedder, **options)


def test_other_embedder_is_refused_with_the_command(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    put(index, make_document("d", "loan"))
    with pytest.raises(ConfigError, match="knowhow ingest --rebuild"):
        open_index(tmp_path, "another")
    reader = open_index(tmp_path, "")
    assert [record.id for record in reader.records()] == ["d"]


def test_two_handles_cannot_mix_embedders(tmp_path: Path) -> None:
    first, second = open_index(tmp_path, "one"), open_index(tmp_path, "two")
    put(first, make_document("d", "loan"))
    with pytest.raises(ConfigError, match="another embedder"):
        put(second, make_document("e", "fee"))
    assert [record.id for record in first.records()] == ["d"]


def test_other_dimension_is_refused(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    put(index, make_document("d", "loan"))
    document = make_document("e", "fee")
    with pytest.raises(ConfigError, match="vectors of 16 numbers"):
        index.update([document], cut(document), np.ones((1, 3), dtype=np.float32))
    with pytest.raises(ConfigError, match="gives 3"):
        index.search_dense(np.ones((1, 3), dtype=np.float32), [PUBLIC], 5)


def test_other_analysis_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(open_index(tmp_path), make_document("d", "loan"))
    monkeypatch.setattr(analysis, "IDENTITY", "mixed-0")
    with pytest.raises(ConfigError, match="older analysis"):
        open_index(tmp_path)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [(np.full((1, 16), np.nan, dtype=np.float32), "not a number"), (np.ones((2, 16), dtype=np.float32), "2 vectors")],
)  # fmt: skip
def test_wrong_vectors_are_refused(tmp_path: Path, vectors: np.ndarray, message: str) -> None:
    document = make_document("d", "loan")
    with pytest.raises(DataError, match=message):
        open_index(tmp_path).update([document], cut(document), vectors)


def test_deleted_text_leaves_no_byte(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    secret = "Geheimnummer Zanzibar 4711 機密文書"
    put(
        index,
        make_document("d", secret, title="Oystercatcher"),
        *(make_document(f"e{n}", "loan") for n in range(50)),
    )
    index.close()
    assert b"Zanzibar" in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    index = open_index(tmp_path)
    search(index, "Zanzibar", PUBLIC, 5)
    put(index, make_document("d", "harmless"))
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in ("Zanzibar", "zanzibar", "4711", "Oystercatcher", "oystercatch", "機密", "机密"):
        assert word.encode() not in left, word
    vector = EMBEDDER.embed([secret]).tobytes()
    assert vector not in left


def test_damaged_file_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(DataError, match="--rebuild"):
        open_index(tmp_path)


def test_newer_format_is_refused(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    with index._database.write() as connection:
        connection.execute("UPDATE settings SET value = '99' WHERE key = 'schema'")
    with pytest.raises(ConfigError, match="format 99"):
        open_index(tmp_path)


def test_writer_in_another_process_is_named(tmp_path: Path) -> None:
    index = open_index(tmp_path, wait_seconds=0.1)
    put(index, make_document("d", "loan"))
    code = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "connection.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "index.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(PolicyError, match="Another process is writing"):
            put(index, make_document("e", "fee"))
        assert [hit.chunk.id for hit in search(index, "loan", PUBLIC, 5)[1]] == ["d#0"]
        holder.communicate()
    put(index, make_document("e", "fee"))
    assert len(index.records()) == 2


def test_reader_in_another_process_sees_the_update(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    put(index, make_document("d", "loan"))
    code = """
import sys
import threading
from pathlib import Path
from knowhow.retrieval.engine.database import install
from knowhow.retrieval.indexes.sqlite import SqliteIndex
index = SqliteIndex(Path(sys.argv[1]), "fake")
def look():
    print([hit.chunk.id for hit in index.search_lexical(["loan"], [frozenset()], 5)[0]], flush=True)
look()
sys.stdin.readline()
look()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "index.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdin is not None
        assert reader.stdout.readline().strip() == "['d#0']"
        put(index, make_document("e", "loan"), deleted=["d"])
        assert reader.communicate("\n")[0].strip() == "['e#0']"


def test_killed_writer_leaves_the_old_state(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    version = put(index, make_document("d", "loan"))
    index.close()
    code = """
import os, sys
from pathlib import Path
from knowhow.retrieval.engine import writing
from knowhow.testing.index_contract import make_document, put
from knowhow.retrieval.engine.database import install
from knowhow.retrieval.indexes.sqlite import SqliteIndex
writing._shorten_log = lambda *arguments: os.kill(os.getpid(), 9)
put(SqliteIndex(Path(sys.argv[1]), "fake"), make_document("d", "gone"), make_document("e", "half"))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "index.sqlite")], timeout=60)
    assert done.returncode == -9
    again = open_index(tmp_path)
    assert again.version == version
    assert [chunk.text for chunk in again.chunks()] == ["loan"]


def test_installed_index_replaces_everything_for_open_readers(tmp_path: Path) -> None:
    live, reader = open_index(tmp_path), open_index(tmp_path, "")
    put(live, make_document("d", "old secret loan"))
    search(reader, "loan", PUBLIC, 5)
    built = SqliteIndex(tmp_path / "built.sqlite", "new embedder")
    put(built, make_document("e", "new loan"), make_document("f", "fee"))
    built.close()
    install_index(tmp_path / "built.sqlite", tmp_path / "index.sqlite")
    assert [hit.chunk.text for hit in search(reader, "loan", PUBLIC, 5)[1]] == ["new loan"]
    assert open_index(tmp_path, "new embedder").version == reader.version
    with pytest.raises(ConfigError):
        put(live, make_document("g", "fee"))
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_install_does_not_wait_for_ever(tmp_path: Path) -> None:
    live = open_index(tmp_path)
    put(live, make_document("d", "loan"))
    built = SqliteIndex(tmp_path / "built.sqlite", "fake")
    put(built, make_document("e", "fee"))
    built.close()
    writer = sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(PolicyError, match="Another process is writing"):
        install(tmp_path / "built.sqlite", tmp_path / "index.sqlite", wait_seconds=0.1)
    writer.close()
    assert [record.id for record in live.records()] == ["d"]


@pytest.mark.parametrize("old", [None, b"no database at all" * 300])
def test_installed_index_mends_a_damaged_or_absent_one(tmp_path: Path, old: bytes | None) -> None:
    if old is not None:
        (tmp_path / "index.sqlite").write_bytes(old)
        (tmp_path / "index.sqlite-wal").write_bytes(old)
    built = SqliteIndex(tmp_path / "built.sqlite", "fake")
    put(built, make_document("e", "new loan"))
    built.close()
    install_index(tmp_path / "built.sqlite", tmp_path / "index.sqlite")
    assert [hit.chunk.id for hit in search(open_index(tmp_path), "loan", PUBLIC, 5)[1]] == ["e#0"]


def test_reader_far_behind_loads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowhow.retrieval.engine.writing._LOG_ROWS", 3)
    writer, reader = open_index(tmp_path), open_index(tmp_path)
    for round_number in range(6):
        put(writer, *(make_document(f"d{n}", f"loan {round_number}") for n in range(4)))
        if round_number % 3 == 0:
            assert len(search(reader, "loan", PUBLIC, 9)[0]) == 4
    fresh = open_index(tmp_path)
    for text in ("loan 5", "loan 0"):
        assert search(reader, text, PUBLIC, 9) == search(fresh, text, PUBLIC, 9)


def test_vanished_term_comes_back(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    keep = [make_document(f"k{n}", "loan") for n in range(9)]
    put(index, *keep, make_document("d", "walrus"))
    assert search(index, "walrus", PUBLIC, 5)[1]
    put(index, deleted=["d"])
    assert search(index, "walrus", PUBLIC, 5)[1] == []
    put(index, make_document("e", "walrus"))
    assert [hit.chunk.id for hit in search(index, "walrus", PUBLIC, 5)[1]] == ["e#0"]


def test_index_without_vectors_searches_terms(tmp_path: Path) -> None:
    index = open_index(tmp_path, "")
    document = make_document("d", "loan")
    index.update([document], cut(document), np.zeros((1, 0), dtype=np.float32))
    assert [hit.chunk.id for hit in index.search_lexical(["loan"], [PUBLIC], 5)[0]] == ["d#0"]
    with pytest.raises(ConfigError, match="vectors of 0 numbers"):
        index.search_dense(EMBEDDER.embed(["loan"]), [PUBLIC], 5)


def test_half_read_chunks_do_not_hold_back_searches(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    put(index, make_document("d", "loan", "fee"))
    chunks = iter(index.chunks())
    assert next(chunks).id == "d#0"
    put(index, make_document("d", "rate"))
    assert [hit.chunk.text for hit in search(index, "rate", PUBLIC, 5)[1]] == ["rate"]
    assert next(chunks).text == "fee"


def test_remains_go_once_a_long_read_has_ended(tmp_path: Path) -> None:
    index = open_index(tmp_path, wait_seconds=0.2)
    put(index, make_document("d", "walrus", "fee"))
    chunks = iter(index.chunks())
    next(chunks)
    put(index, deleted=["d"])
    assert not index.erase_remains()
    assert list(chunks)
    assert index.erase_remains()
    assert b"walrus" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_bm25_by_hand(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    put(
        index,
        make_document("a", "loan fee"),
        make_document("b", "loan loan rate"),
        make_document("c", "card"),
    )
    hits = search(index, "loan", PUBLIC, 5)[1]
    inverse = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = {
        "a#0": inverse * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 2)),
        "b#0": inverse * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)),
    }
    assert {hit.chunk.id: hit.score for hit in hits} == pytest.approx(expected)
    both = search(index, "loan zebra", PUBLIC, 5)[1]
    unseen = np.log(1 + 3.5 / 0.5)
    assert both[0].parts["coverage"] == pytest.approx(inverse / (inverse + unseen))


def test_large_batches_use_the_wide_scan(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    put(index, *(make_document(f"d{n:03}", f"{VOCABULARY[n % 14]} {n}") for n in range(200)))
    texts = [f"{word} {n}" for n, word in enumerate(VOCABULARY * 10)]
    found = index.search_dense(EMBEDDER.embed(texts), [PUBLIC] * len(texts), 7)
    for text, hits in zip(texts, found, strict=True):
        assert hits == search(index, text, PUBLIC, 7)[0]


def test_many_short_threads_share_few_connections(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    put(index, make_document("d", "loan"))
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    found: list[str] = []
    for _ in range(40):
        thread = threading.Thread(
            target=lambda: found.extend(hit.chunk.id for hit in search(index, "loan", PUBLIC, 5)[1])
        )
        thread.start()
        thread.join()
    assert found == ["d#0"] * 40
    if descriptors.exists():
        assert len(list(descriptors.iterdir())) < before + 10
