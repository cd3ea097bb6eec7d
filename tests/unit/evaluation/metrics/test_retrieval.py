import random

import pytest

from knowhow.evaluation.metrics.retrieval import RetrievalMrr, RetrievalNdcg, RetrievalRecall
from knowhow.types import Answer, Chunk, Evidence, Example, Hit


def answer(*chunks, error=None):
    return Answer(
        "",
        hits=tuple(
            Hit(Chunk(f"c{n}", document, text, 0, len(text)), -n) for n, (document, text) in enumerate(chunks)
        ),
        error=error,
    )


def test_equal_to_ir_measures_on_random_rankings():
    measures = pytest.importorskip("ir_measures")
    wanted = {"recall": measures.R @ 5, "mrr": measures.RR @ 10, "ndcg": measures.nDCG @ 10}
    draw = random.Random(1)
    for _ in range(100):
        documents = draw.sample([f"d{n}" for n in range(15)], draw.randint(1, 12))
        gold = draw.sample([f"d{n}" for n in range(15)], draw.randint(1, 4))
        qrels = [measures.Qrel("q", name, 1) for name in gold]
        run = [measures.ScoredDoc("q", name, -float(rank)) for rank, name in enumerate(documents)]
        expected = measures.calc_aggregate(wanted.values(), qrels, run)
        example = Example("1", "?", evidence=tuple(map(Evidence, gold)))
        ours = answer(*((name, "text") for name in documents))
        assert RetrievalRecall(5)(example, ours) == pytest.approx(expected[wanted["recall"]], abs=1e-9)
        assert RetrievalMrr(10)(example, ours) == pytest.approx(expected[wanted["mrr"]], abs=1e-9)
        assert RetrievalNdcg(10)(example, ours) == pytest.approx(expected[wanted["ndcg"]], abs=1e-9)


def test_a_quote_must_stand_in_a_hit_of_its_document():
    example = Example("1", "?", evidence=(Evidence("d1", "The fee is  3 euros."),))
    assert RetrievalRecall()(example, answer(("d1", "Terms. the fee is 3 euros. More."))) == 1.0
    assert RetrievalRecall()(example, answer(("d1", "The fee is 4 euros."))) == 0.0
    assert RetrievalRecall()(example, answer(("d2", "The fee is 3 euros."))) == 0.0
    anywhere = Example("1", "?", evidence=(Evidence("", "The fee is 3 euros."),))
    assert RetrievalRecall()(anywhere, answer(("d2", "The fee is 3 euros."))) == 1.0


def test_a_quote_cut_by_a_chunk_border_is_found_in_parts():
    example = Example("1", "?", evidence=(Evidence("d1", "The fee is 3 euros. It is due in May."),))
    first, second = ("d1", "A. The fee is 3 euros."), ("d1", "It is due in May. B.")
    assert RetrievalRecall()(example, answer(first)) == 0.5
    assert RetrievalRecall()(example, answer(first, second)) == 1.0
    assert RetrievalNdcg()(example, answer(first, second)) == pytest.approx(1.0)
    assert RetrievalNdcg()(example, answer(("d1", first[1] + " " + second[1]))) == pytest.approx(1.0)


def test_further_chunks_of_a_found_document_add_nothing():
    example = Example("1", "?", evidence=(Evidence("d1"), Evidence("d2")))
    hits = (("d1", "a"), ("d1", "b"), ("d2", "c"))
    assert RetrievalRecall(2)(example, answer(*hits)) == 0.5
    assert RetrievalNdcg()(example, answer(*hits)) == pytest.approx((1 + 1 / 2) / (1 + 1 / 1.584962500721156))


def test_the_source_names_a_document_too_and_failures_score_zero():
    chunk = Chunk("c", "id-1", "text", 0, 4, source="guide.pdf")
    example = Example("1", "?", evidence=(Evidence("guide.pdf"),))
    assert RetrievalMrr()(example, Answer("", hits=(Hit(chunk, 1.0),))) == 1.0
    assert RetrievalMrr()(example, Answer("", error="boom")) == 0.0
    assert RetrievalMrr()(example, Answer("")) == 0.0
    assert RetrievalMrr()(Example("1", "?"), Answer("")) is None
