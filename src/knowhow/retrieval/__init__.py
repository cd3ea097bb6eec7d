"""Retrieval: analysis, embedders, indexes, dense, lexical and hybrid search, rerank and cache; knowledge enters answers only here."""

from __future__ import annotations

from pathlib import Path

from knowhow.config import RetrievalSettings
from knowhow.protocols import Embedder, Index, Retriever


def build_retriever(settings: RetrievalSettings, index: Index, embedder: Embedder) -> Retriever:
    """Return the one retrieval path of [retrieval] that ask, compare and serve share; `embedder` is used only if the mode needs it."""
    from knowhow.registry import build
    from knowhow.retrieval.cache import CachingRetriever
    from knowhow.retrieval.reranking import RerankingRetriever
    from knowhow.retrieval.retrievers import DenseRetriever, HybridRetriever, LexicalRetriever

    retriever: Retriever
    if settings.mode == "dense":
        retriever = DenseRetriever(index, embedder)
    elif settings.mode == "lexical":
        retriever = LexicalRetriever(index, settings.candidates)
    else:
        retriever = HybridRetriever(index, embedder, settings.candidates)
    if settings.reranker:
        reranker = build("reranker", settings.reranker, section="[retrieval] reranker")
        retriever = RerankingRetriever(retriever, reranker)
    return CachingRetriever(retriever, index)


def install_index(built: Path, path: Path) -> None:
    """Make the content of the closed index file `built` that of `path`, at once for every process that has `path` open."""
    from knowhow.retrieval.engine.database import install

    install(built, path)


__all__ = ["build_retriever", "install_index"]
