"""Trainings of this scenario, in a worker."""
