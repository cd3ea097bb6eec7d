"""Engines that continue conversations."""
