"""Reads: the prompt that is live, the shop's voice as rules, who composes."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.cache import cache

from ecomai.commerce.models import Item
from ecomai.serving.copies import ProcessCopy

from .app_settings import app_settings
from .claims import Rules
from .exceptions import UnknownPromptError
from .models import BrandVoice, Prompt
from .prompts import find_prompt

#: All items are read for their brands, so not for each text.
BRANDS_KEY, BRANDS_SECONDS = "ecomai.generation.brands", 300
MOST_BRANDS, SHORTEST_BRAND = 5000, 3


@dataclass(frozen=True)
class LivePrompt:
    """What a text is composed by now; `version_pk` is None for what a scenario ships and nobody saved."""

    templates: str
    instructions: str
    version_pk: int | None = None
    number: int = 0


@dataclass(frozen=True)
class Wordings:
    """What a shop has saved: its live prompts by name and language, and its voice in each language."""

    prompts: Mapping[tuple[str, str], LivePrompt]
    voices: Mapping[str, BrandVoice]


class WordingsCopy(ProcessCopy[Wordings]):
    """The process's copy: a chat composes many texts a second by the same few rows."""

    poll_seconds = 1.0

    def refresh(self, known: Wordings | None) -> Wordings:
        prompts = {
            (row.name, row.language): LivePrompt(
                version.templates, version.instructions, version.pk, version.number
            )
            for row in Prompt.objects.select_related("live_version")
            if (version := row.live_version)
        }
        return Wordings(prompts, {voice.language: voice for voice in BrandVoice.objects.all()})


_wordings = WordingsCopy()
#: Read them anew at the next text: in the process that saved one of them, it holds at once.
forget_wordings = _wordings.forget


def live_prompt(name: str, language: str) -> LivePrompt:
    """Return the live version, as it was a second ago at most. Raises UnknownPromptError."""
    found = _wordings.current().prompts.get((name, language))
    if found is not None:
        return found
    spec = find_prompt(name)
    if spec is None or language not in spec.wordings:
        raise UnknownPromptError(name=name, language=language)
    wording = spec.wordings[language]
    return LivePrompt(wording.templates, wording.instructions)


def rules_for(language: str) -> Rules:
    """Return what texts in a language are held to, as it was a second ago at most."""
    voice = _wordings.current().voices.get(language) or BrandVoice(language=language)
    return Rules(
        banned=_lines(voice.banned_claims), avoided=_lines(voice.avoided_words),
        allowed=_lines(voice.allowed_words), may_exclaim=voice.may_exclaim, other_names=brands(),
        min_support=app_settings.MIN_SUPPORT,
    )  # fmt: skip


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def brands() -> frozenset[str]:
    """Return the brands of the catalogue, as they were within the last minutes."""
    return frozenset(cache.get_or_set(BRANDS_KEY, _brands, BRANDS_SECONDS) or ())


def _brands() -> list[str]:
    names = Item.objects.exclude(brand="").order_by().values_list("brand", flat=True).distinct()
    return [name for name in names[:MOST_BRANDS] if len(name) >= SHORTEST_BRAND]
