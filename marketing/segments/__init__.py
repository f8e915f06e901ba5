"""Conditions that say who belongs to a segment: read, compiled to one query, and followed through time."""
