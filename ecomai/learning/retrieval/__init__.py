"""Search: texts found by words, by pieces of words and by meaning."""
