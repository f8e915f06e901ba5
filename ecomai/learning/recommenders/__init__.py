"""Recommenders from implicit feedback: popularity is the baseline, a transformer the aim."""
