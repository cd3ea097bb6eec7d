"""Deterministic fakes and contract tests that every plug-in inherits."""
