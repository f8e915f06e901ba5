"""Trainings of this scenario, a module for each model and for each thing they share. Runs in a worker."""
