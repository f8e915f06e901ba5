"""The admin pages of risk, a module for each subject."""

from . import assessments, labels, policies

__all__ = ["assessments", "labels", "policies"]
