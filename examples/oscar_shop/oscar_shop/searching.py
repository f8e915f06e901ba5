"""The search index: Whoosh, with words found in Chinese texts too."""

from typing import Any

from haystack.backends.whoosh_backend import WhooshEngine, WhooshSearchBackend
from jieba.analyse import ChineseAnalyzer


class Backend(WhooshSearchBackend):
    """Whoosh alone takes a whole Chinese sentence for one word."""

    def build_schema(self, fields: Any) -> Any:
        name_of_text, schema = super().build_schema(fields)
        schema[name_of_text].analyzer = ChineseAnalyzer()
        return name_of_text, schema


class Engine(WhooshEngine):
    backend = Backend
