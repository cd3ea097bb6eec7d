"""Finding passages: embedders, indexes, lexical and dense search, fusion, reranking."""
