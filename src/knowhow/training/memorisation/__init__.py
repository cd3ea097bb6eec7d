"""What a trained adapter gives away of its rows: planted secrets, membership, and text that it repeats word for word."""
