"""Batches scored and stored, a module for each model."""
