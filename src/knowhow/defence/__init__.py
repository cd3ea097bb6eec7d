"""Defence: text in documents that speaks to a language model, hides from people, or comes from a source that is not trusted."""
