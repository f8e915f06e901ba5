"""Reads: the prompt that is live, the shop's voice as rules, who composes."""

from dataclasses import dataclass

from django.core.cache import cache

from ecomai.commerce.models import Item

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


def live_prompt(name: str, language: str) -> LivePrompt:
    """Return the live version. Raises UnknownPromptError."""
    found = Prompt.objects.filter(name=name, language=language).select_related("live_version").first()
    if found is not None and found.live_version is not None:
        version = found.live_version
        return LivePrompt(version.templates, version.instructions, version.pk, version.number)
    spec = find_prompt(name)
    if spec is None or language not in spec.wordings:
        raise UnknownPromptError(name=name, language=language)
    wording = spec.wordings[language]
    return LivePrompt(wording.templates, wording.instructions)


def rules_for(language: str) -> Rules:
    """Return what texts in a language are held to."""
    voice = BrandVoice.objects.filter(language=language).first() or BrandVoice(language=language)
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
