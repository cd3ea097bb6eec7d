"""One file per format family: bytes to plain text with pages and headings."""
