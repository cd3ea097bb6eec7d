"""Engines that fit adapters."""
