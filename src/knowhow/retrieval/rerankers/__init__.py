"""Engines that re-order hits."""
