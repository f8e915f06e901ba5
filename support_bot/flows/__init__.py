"""Flows: steps that a shop writes, followed the same way each time."""
