"""The admin pages of recommendations, a module for each subject."""

from . import answers, feedback, monitoring, pipelines, popularity, replays

__all__ = ["answers", "feedback", "monitoring", "pipelines", "popularity", "replays"]
