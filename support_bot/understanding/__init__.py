"""What a message wants, names and feels like, and in which language it is."""
