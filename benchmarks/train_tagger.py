"""Train the recogniser of names, addresses, places and organisations: `python benchmarks/train_tagger.py` (some minutes).

Needs two development tools: pip install faker python-crfsuite. Sentences come from tagger_templates.txt, filled with names, streets
and companies that Faker (MIT licence) makes up in 25 locales; texts without names come from the docstrings of Python's own standard
library and, where KNOWHOW_DATA has them, from scientific abstracts. No text of any dataset that the recogniser is measured on is read. The result is knowhow/privacy/tagger.npz, without pickle.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pycrfsuite
from tagger_source import Source

from knowhow.privacy.tagger import LABELS, Gazetteer, Token, describe_tokens, tokenize

HERE = Path(__file__).parent
DATA = Path(os.environ.get("KNOWHOW_DATA", HERE.parent / "../shared/data"))
TARGET = HERE.parent / "src/knowhow/privacy/tagger.npz"


def fill_templates(
    source: Source, templates: list[str], count: int
) -> Iterator[tuple[str, list[tuple[int, int, str]]]]:
    """Yield texts with their labelled spans."""
    before: tuple[str, list[tuple[int, int, str]]] | None = None
    for place in range(count):
        template = source.chance.choice(templates) if place >= len(templates) else templates[place]
        text, spans, end = "", [], 0
        for slot in re.finditer(r"\{(\w+)\}", template):
            text += template[end : slot.start()]
            value, label = source.fill(slot[1])
            if label:
                spans.append((len(text), len(text) + len(value), label))
            text, end = text + value, slot.end()
        text += template[end:]
        if before is not None and source.chance.random() < 0.2:
            text, spans = _join(source.chance, before, (text, spans))
        before = (text, spans) if len(text) < 200 else None
        draw = source.chance.random()
        if draw < 0.05:
            text = _same_length(text, text.lower())
        elif draw < 0.08:
            text = _same_length(text, text.upper())
        yield text, spans


def _join(
    chance: random.Random,
    one: tuple[str, list[tuple[int, int, str]]],
    other: tuple[str, list[tuple[int, int, str]]],
) -> tuple[str, list[tuple[int, int, str]]]:
    """Put two texts one after the other."""
    joint = chance.choice([" ", " ", "\n", "\n\n"])
    shift = len(one[0]) + len(joint)
    return one[0] + joint + other[0], one[1] + [
        (start + shift, end + shift, label) for start, end, label in other[1]
    ]


def _same_length(text: str, other: str) -> str:
    return other if len(other) == len(text) else text


def read_plain_sentences(seed: int, count: int) -> tuple[list[str], Counter[str]]:
    """Return sentences of the standard library's docstrings that name nobody, and how often each lower-case word occurs there."""
    words: Counter[str] = Counter()
    sentences: list[str] = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" in path.parts or "test" in path.parts or path.stat().st_size > 400_000:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                for sentence in re.split(r"(?<=[.:?!])\s+|\n\s*\n", ast.get_docstring(node) or ""):
                    words.update(re.findall(r"\b[a-z]{3,}\b", sentence))
                    if 20 < len(sentence) < 300 and not re.search(
                        r"@|[Aa]uthor|[Cc]opyright|\b[Bb]y [A-Z]|http|[|_]{2}|>>>|Guido|Tim |Jack", sentence
                    ):
                        sentences.append(" ".join(sentence.split()))
    random.Random(seed).shuffle(sentences)
    return sentences[:count], words


def read_abstracts(seed: int, count: int, gazetteer: Gazetteer) -> list[str]:
    """Return sentences of scientific abstracts in which no two neighbouring words can be a name; none where the datasets are absent."""
    sentences: list[str] = []
    for path in (DATA / "pubmedqa_en/documents.jsonl", DATA / "cranfield_en/documents.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            for sentence in re.split(r"(?<=[.?!])\s+", json.loads(line)["text"]):
                words = re.findall(r"[A-Z]\w+", sentence[1:])
                if (
                    30 < len(sentence) < 300
                    and "et al" not in sentence
                    and not any(
                        word.lower() in gazetteer.first | gazetteer.city | gazetteer.country for word in words
                    )
                ):
                    sentences.append(sentence)
    random.Random(seed).shuffle(sentences)
    return sentences[:count]


def insert_spans(source: Source, sentence: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Put a name, place, company or street between two words of a sentence that has none: its own form has to tell it."""
    places = [match.start() + 1 for match in re.finditer(r"[a-z] [a-z]", sentence)]
    if not places:
        return sentence, []
    place = source.chance.choice(places) + 1
    value, label = source.fill(
        source.chance.choice(["per", "per", "first", "last", "city", "org", "street", "adr", "country"])
    )
    return f"{sentence[:place]}{value} {sentence[place:]}", [(place, place + len(value), label)]


def drop_words(chance: random.Random, described: list[list[str]], share: float) -> list[list[str]]:
    """Take features that name words away at random, as they will be missing for words never seen."""
    return [
        [feature for feature in features if "w" not in feature.split("=")[0] or chance.random() >= share]
        for features in described
    ]


def label_tokens(tokens: list[Token], spans: list[tuple[int, int, str]]) -> list[str]:
    """Return a BIO label for each token."""
    labels = ["O"] * len(tokens)
    for start, end, label in spans:
        inside = [place for place, token in enumerate(tokens) if token.start < end and start < token.end]
        for number, place in enumerate(inside):
            labels[place] = f"{'I' if number else 'B'}-{label}"
    return labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=18000)
    parser.add_argument("--plain", type=int, default=5000)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--drop", type=float, default=0.5)
    parser.add_argument("--l1", type=float, default=0.2)
    parser.add_argument("--l2", type=float, default=1.0)
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    started = time.monotonic()
    source = Source(arguments.seed)
    plain, words = read_plain_sentences(arguments.seed, arguments.plain)
    templates = [
        line.replace("\\n", "\n").replace("\\t", "\t")
        for line in (HERE / "tagger_templates.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    common = {word for word, count in words.items() if count >= 3} | {
        word for line in templates for word in re.findall(r"\b[a-z]{2,}\b", re.sub(r"\{\w+\}", "", line))
    }
    gazetteer = Gazetteer(*(frozenset(word.lower() for name in names for word in name.split() if len(word) > 1) for names in source.lists),
                          frozenset(word.lower() for name in source.countries for word in name.split() if word[0].isupper()), frozenset(common))  # fmt: skip
    seen = random.Random(arguments.seed)
    half = Gazetteer(
        *(frozenset(word for word in sorted(words) if seen.random() < 0.6) for words in gazetteer)
    )
    trainer = pycrfsuite.Trainer(verbose=False)
    plain += read_abstracts(arguments.seed, arguments.plain, gazetteer)
    filled = list(fill_templates(source, templates, arguments.texts)) + [(text, []) for text in plain]
    filled += [insert_spans(source, text) for text in plain[:: max(1, len(plain) * 4 // arguments.texts)]]
    for text, spans in filled:
        tokens = tokenize(text)
        if tokens:
            trainer.append(
                drop_words(source.chance, describe_tokens(text, tokens, half), arguments.drop),
                label_tokens(tokens, spans),
            )
    trainer.set_params(
        {
            "c1": arguments.l1,
            "c2": arguments.l2,
            "max_iterations": arguments.iterations,
            "feature.minfreq": 3,
            "feature.possible_transitions": True,
        }
    )
    print(f"{len(filled)} texts, {time.monotonic() - started:.0f} s; training ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        trainer.train(f"{folder}/model")
        tagger = pycrfsuite.Tagger()
        tagger.open(f"{folder}/model")
        info = tagger.info()
    write_weights(info, gazetteer, arguments.target)
    print(
        f"{arguments.target.stat().st_size / 1e3:.0f} kB, {time.monotonic() - started:.0f} s", file=sys.stderr
    )


def write_weights(info: object, gazetteer: Gazetteer, target: Path) -> None:
    """Write attributes, weights, transitions and word lists; weights are rounded to half precision."""
    attributes = sorted({attribute for attribute, _ in info.state_features})  # type: ignore[attr-defined]
    place = {attribute: row for row, attribute in enumerate(attributes)}
    weights = np.zeros((len(attributes), len(LABELS)), dtype=np.float16)
    for (attribute, label), weight in info.state_features.items():  # type: ignore[attr-defined]
        weights[place[attribute], LABELS.index(label)] = weight
    transitions = np.zeros((len(LABELS), len(LABELS)), dtype=np.float16)
    for (before, after), weight in info.transitions.items():  # type: ignore[attr-defined]
        transitions[LABELS.index(before), LABELS.index(after)] = weight
    rows, columns = np.nonzero(weights)
    lists = {
        name: np.frombuffer("\n".join(sorted(words)).encode(), dtype=np.uint8)
        for name, words in gazetteer._asdict().items()
    }
    np.savez_compressed(
        target,
        attributes=np.frombuffer("\n".join(attributes).encode(), dtype=np.uint8),
        rows=rows.astype(np.uint32),
        columns=columns.astype(np.uint8),
        values=weights[rows, columns],
        transitions=transitions,
        **lists,
    )


if __name__ == "__main__":
    main()
