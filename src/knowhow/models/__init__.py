"""The embedded models: fetched once, checked by digest, converted for the engines."""
