"""Comparing strategies: examples, splits, metrics, statistics, experiment, report."""
