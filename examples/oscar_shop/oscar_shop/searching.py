"""The index of Oscar's lists of products and of its own search: Whoosh, with words of Chinese sentences."""

from typing import Any

from haystack.backends.whoosh_backend import WhooshEngine, WhooshSearchBackend
from whoosh.analysis import LowercaseFilter, RegexTokenizer, StemFilter, StopFilter

# A Chinese character is a word of its own, as nothing stands between words; other letters go on to a gap.
WORDS = RegexTokenizer(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:\.?[^\W\u3400-\u9fff]+)*")


class Backend(WhooshSearchBackend):
    """Whoosh alone takes a whole Chinese sentence for one word."""

    def build_schema(self, fields: Any) -> Any:
        name_of_text, schema = super().build_schema(fields)
        text = schema[name_of_text]
        text.analyzer = WORDS | LowercaseFilter() | StopFilter() | StemFilter()
        text.multitoken_query = "phrase"  # characters of one query stand beside each other
        return name_of_text, schema


class Engine(WhooshEngine):
    backend = Backend
