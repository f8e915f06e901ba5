"""The registry's pages in Django's admin."""

from . import audit, jobs, labelling, models, runs, switches, versions

__all__ = ["audit", "jobs", "labelling", "models", "runs", "switches", "versions"]
