"""What a journey is made of: its steps, read and checked."""
