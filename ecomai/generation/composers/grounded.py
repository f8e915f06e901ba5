"""Composes from templates and facts alone: fast, the same each time, and it never invents."""

import re
from collections.abc import Iterator

from ecomai.generation.exceptions import TemplateLineError
from ecomai.generation.facts import MOST_ATTRIBUTES
from ecomai.generation.texts import WORDS, Words, ended, is_said, listed, shortened, width

from .base import Composer, Composition, CompositionRequest

_NAME = re.compile(r"\{([\w ]+)\}")


class GroundedComposer(Composer):
    """Fills in a prompt's templates.

    A block of lines is one text, blank lines part blocks. Each line is said if the facts that it names are
    known, were not said before, and fit. Where no block says anything, the title is the text.
    """

    name = "grounded"

    def compose(self, request: CompositionRequest) -> Composition:
        words = WORDS.get(request.language, WORDS["en"])
        texts = dict.fromkeys(_text(block, request, words) for block in blocks(request.templates))
        found = [text for text in texts if text] or [shortened(request.facts.title, request.most)]
        return Composition(texts=tuple(text for text in found if text)[: request.n_texts])


def blocks(templates: str) -> list[list[str]]:
    """Return the lines of each block of a template."""
    parts = re.split(r"\n\s*\n", templates.replace("\r\n", "\n"))
    found = [[line.strip() for line in part.splitlines() if line.strip()] for part in parts]
    return [lines for lines in found if lines]


def check_templates(templates: str) -> None:
    """Raise TemplateLineError for a line whose braces name nothing."""
    for lines in blocks(templates):
        for line in lines:
            if set("{}") & set(_NAME.sub("", line)):
                raise TemplateLineError(line=line)


def _text(lines: list[str], request: CompositionRequest, words: Words) -> str:
    text = ""
    is_one_line = len(lines) == 1
    for line in lines:
        for part in _filled(line, request, words, text):
            # A title is no sentence; a text of several lines is made of sentences.
            part = part if is_one_line else ended(part, words)
            gap = words.stop[len(words.stop.rstrip()) :] if text else ""
            if width(f"{text}{gap}{part}") <= request.most:
                text = f"{text}{gap}{part}"
    return text


def _filled(line: str, request: CompositionRequest, words: Words, said: str) -> Iterator[str]:
    """Yield what a line says: nothing where a fact is missing or was said, each sentence of `{sentences}`."""
    if line == "{sentences}":
        yield from (part for part in request.facts.sentences if not is_said(part, said))
        return
    values = {name: _value(name, request, words, said) for name in _NAME.findall(line)}
    if values and (not all(values.values()) or all(is_said(value, said) for value in values.values())):
        return
    yield _NAME.sub(lambda match: values[match[1]], line)


def _value(name: str, request: CompositionRequest, words: Words, said: str) -> str:
    facts = request.facts
    if name == "attributes":
        room = request.most - width(said)
        return listed(facts.attributes[:MOST_ATTRIBUTES], words, room) if room > 0 else ""
    known = {"title": facts.title, "brand": facts.brand, "category": facts.category}
    known |= {"sentence": facts.sentences[0].rstrip(".。") if facts.sentences else ""}
    known |= {key.replace("_", " "): value for key, value in facts.attributes}
    known |= dict(request.audience)
    return known.get(name, known.get(name.replace("_", " "), ""))
