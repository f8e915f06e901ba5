"""The admin pages of recommendations, a module for each subject."""

from . import answers, exposure, feedback, monitoring, pipelines, popularity, replays, search, seo

__all__ = [
    "answers",
    "exposure",
    "feedback",
    "monitoring",
    "pipelines",
    "popularity",
    "replays",
    "search",
    "seo",
]
