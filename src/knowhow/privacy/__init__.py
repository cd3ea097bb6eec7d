"""Personal data: finding it in any script, checking it by its own rules, masking it."""
