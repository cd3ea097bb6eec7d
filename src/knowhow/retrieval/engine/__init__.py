"""The exact search engine behind the SQLite index: database rows, postings, matrix, permissions, ranking."""
