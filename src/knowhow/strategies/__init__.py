"""The arms of a comparison, one short file each."""
