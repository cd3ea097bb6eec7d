"""Every mode of the one retrieval path keeps the contract, with and without each registered reranker."""

from dataclasses import replace
from typing import Any

import pytest

from knowhow.config import RetrievalSettings
from knowhow.registry import names
from knowhow.retrieval import build_retriever
from knowhow.testing.index_contract import EMBEDDER
from knowhow.testing.retriever_contract import MakeRetriever, RetrieverContract


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
@pytest.mark.parametrize("reranker", ["", *names("reranker")])
class TestRetrievers(RetrieverContract):
    @pytest.fixture
    def make(self, mode: Any, reranker: str) -> MakeRetriever:
        settings = replace(RetrievalSettings(), mode=mode, reranker=reranker)
        return lambda index: build_retriever(settings, index, EMBEDDER)
