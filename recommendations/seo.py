"""Titles and descriptions for search engines, composed from an item's own facts and from nothing else."""

from ecomai.generation.facts import MOST_ATTRIBUTES, Facts, facts_of
from ecomai.generation.texts import LANGUAGES, WORDS, Words, is_said, joined, listed, shortened, width

from .models.seo import DESCRIPTION_LENGTH, TITLE_LENGTH

__all__ = [
    "DESCRIPTION_LENGTH", "LANGUAGES", "TITLE_LENGTH", "Facts", "compose", "facts_of", "width"
]  # fmt: skip


def compose(facts: Facts, language: str) -> tuple[str, str]:
    """Return a title and a description that search engines show whole."""
    return compose_title(facts), compose_description(facts, WORDS[language])


def compose_title(facts: Facts) -> str:
    """Return the longest of the usual forms that fits; what the title says already is not said again."""
    brand = "" if is_said(facts.brand, facts.title) else facts.brand
    category = "" if is_said(facts.category, f"{facts.title} {brand}") else facts.category
    forms = [
        [facts.title, *([brand] if brand else []), *([category] if category else [])],
        [facts.title, *([brand] if brand else [])],
        [facts.title],
    ]
    for form in forms:
        title = (
            form[0] + "".join(f" – {part}" for part in form[1:2]) + "".join(f" | {part}" for part in form[2:])
        )
        if width(title) <= TITLE_LENGTH:
            return title
    return shortened(facts.title, TITLE_LENGTH)


def compose_description(facts: Facts, words: Words) -> str:
    """Say what it is and what is known of it, sentence by sentence, as long as a whole one fits."""
    what = facts.title
    if facts.brand and not is_said(facts.brand, what):
        what = words.by % {"title": what, "brand": facts.brand}
    if facts.category and not is_said(facts.category, what):
        what = words.of % {"what": what, "category": facts.category}
    text = shortened(what, DESCRIPTION_LENGTH - width(words.stop.rstrip())) + words.stop.rstrip()
    known = listed(facts.attributes[:MOST_ATTRIBUTES], words, DESCRIPTION_LENGTH, said=text)
    return joined(text, [known, *facts.sentences], words, DESCRIPTION_LENGTH)
