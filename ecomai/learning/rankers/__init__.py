"""Models that put candidates, described by features, in order."""
