"""Deletion for good: what marks a document, which bytes still hold it, and what keeps it from coming back."""
