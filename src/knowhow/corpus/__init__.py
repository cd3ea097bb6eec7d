"""Documents: loading, masking, chunking and keeping the index in step with the folder."""
