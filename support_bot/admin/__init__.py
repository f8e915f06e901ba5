"""The admin's pages of the support bot, a module for each subject."""

from . import acting, articles, conversations, flows, people, trials, understanding

__all__ = ["acting", "articles", "conversations", "flows", "people", "trials", "understanding"]
