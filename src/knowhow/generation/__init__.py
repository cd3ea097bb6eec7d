"""Answering: prompts, citations, enforced formats, the engines and the pipeline."""
