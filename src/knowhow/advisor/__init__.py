"""Advice before there is data: questions, published evidence, costs, rules."""
