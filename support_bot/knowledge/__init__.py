"""What the shop knows and says: articles cut into passages, and passages found by words and by meaning."""
