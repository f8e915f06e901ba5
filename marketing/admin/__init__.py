"""The admin pages of marketing, a module for each subject."""

from . import profiles

__all__ = ["profiles"]
