"""Engines that keep and search chunks."""
