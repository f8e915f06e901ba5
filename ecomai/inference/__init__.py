"""What training and serving compute alike, by numpy: what a model is given, and what its numbers mean."""
