"""Releases: frozen behaviour with its proof, the append-only catalog of who moved what and why, and what people said about answers."""
