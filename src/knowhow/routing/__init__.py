"""Routing: which intent a question has, what may answer it, and which strategy did best there."""
