"""The admin pages of recommendations, a module for each subject."""

from . import answers, exposure, feedback, monitoring, pipelines, popularity, replays, search

__all__ = ["answers", "exposure", "feedback", "monitoring", "pipelines", "popularity", "replays", "search"]
