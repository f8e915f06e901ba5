"""From kept assessments to a candidate, in a worker."""
