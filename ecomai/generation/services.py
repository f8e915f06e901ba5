"""Compose and check, whoever writes; and prompts, whose versions are added and never changed."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ecomai.exceptions import ConflictError, InvalidInputError, PermissionDeniedError
from ecomai.registry.services.access import write_audit

from . import selectors
from .app_settings import app_settings
from .claims import Checked, Rules, check_text
from .composers.base import Composer, Composition, CompositionRequest, Piece
from .composers.grounded import GroundedComposer, check_templates
from .exceptions import ComposerAwayError
from .models import Prompt, PromptVersion
from .prompts import registered_prompts
from .selectors import LivePrompt
from .streaming import sentences_as_they_come

logger = logging.getLogger(__name__)
APP = "ecomai_generation"
SHIPPED = {
    "grounded": "ecomai.generation.composers.grounded.GroundedComposer",
    "local": "ecomai.generation.composers.local.LocalComposer",
    "remote": "ecomai.generation.composers.remote.RemoteComposer",
}


@dataclass(frozen=True)
class Composed:
    """Texts that hold against the facts, and who wrote them. `fallback` says why it was not who was asked."""

    texts: tuple[Checked, ...]
    composer: str
    version_pk: int | None
    n_tokens: int = 0
    fallback: str = ""


def chosen_composer() -> Composer:
    """Return the composer that the settings name."""
    path = SHIPPED.get(app_settings.COMPOSER, app_settings.COMPOSER)
    composer: Composer = import_string(path)()
    return composer


def compose(request: CompositionRequest, *, in_worker: bool = False, rules: Rules | None = None) -> Composed:
    """Compose by the live prompt, check, and fall back to facts and templates where that is needed.

    `in_worker` is for jobs: elsewhere no language model is loaded. Where a model's every text was withheld
    whole, the grounded composer writes instead.
    """
    prompt = selectors.live_prompt(request.purpose, request.language)
    request = replace(request, templates=prompt.templates, instructions=prompt.instructions)
    rules = rules or selectors.rules_for(request.language)
    composer, fallback = chosen_composer(), ""
    if composer.is_heavy and not in_worker:
        fallback = "only_in_worker"
    elif composer.name != GroundedComposer.name:
        found, fallback = _try(composer, request)
        if found is not None:
            texts = _checked(found.texts, request, rules)
            if any(text.text for text in texts):
                return Composed(texts, composer.name, prompt.version_pk, found.n_tokens)
            fallback = "all_withheld"
    return _grounded(request, rules, prompt, fallback=fallback)


def compose_grounded(
    request: CompositionRequest, *, rules: Rules | None = None, prompt: LivePrompt | None = None
) -> Composed:
    """Compose from facts and templates alone, whoever is configured; by the live prompt if none is given."""
    prompt = prompt or selectors.live_prompt(request.purpose, request.language)
    request = replace(request, templates=prompt.templates, instructions=prompt.instructions)
    return _grounded(request, rules or selectors.rules_for(request.language), prompt)


def _grounded(
    request: CompositionRequest, rules: Rules, prompt: LivePrompt, *, fallback: str = ""
) -> Composed:
    grounded = GroundedComposer()
    texts = _checked(grounded.compose(request).texts, request, rules)
    return Composed(texts, grounded.name, prompt.version_pk, fallback=fallback)


def ask_model(request: CompositionRequest) -> Composition:
    """Return what the model that is configured says by the live prompt; nothing is checked.

    For verdicts that a program reads, and no person. In a worker. Raises ComposerAwayError, also where no
    model is configured.
    """
    composer = chosen_composer()
    if composer.name == GroundedComposer.name:
        raise ComposerAwayError(composer=composer.name, cause="no model is named")
    prompt = selectors.live_prompt(request.purpose, request.language)
    return composer.compose(replace(request, instructions=prompt.instructions))


def writes_in_worker() -> bool:
    """Whether whoever composes takes so long, or so much room, that a chat lets a worker do it."""
    composer = chosen_composer()
    return composer.streams or composer.is_heavy


def stream_sentences(request: CompositionRequest, *, prompt: LivePrompt | None = None) -> Iterator[Piece]:
    """Yield the sentences of one text as a language model writes them; nothing is checked yet. In a worker.

    Raises ComposerAwayError, also in the middle of a text.
    """
    prompt = prompt or selectors.live_prompt(request.purpose, request.language)
    request = replace(request, templates=prompt.templates, instructions=prompt.instructions)
    yield from sentences_as_they_come(chosen_composer().stream(request))


def _try(composer: Composer, request: CompositionRequest) -> tuple[Composition | None, str]:
    try:
        return composer.compose(request), ""
    except ComposerAwayError as error:
        logger.warning("%s wrote nothing (%s); facts and templates do.", composer.name, error.cause)
        return None, error.cause


def _checked(texts: Sequence[str], request: CompositionRequest, rules: Rules) -> tuple[Checked, ...]:
    """Check each text; the same text twice counts once."""
    found = dict.fromkeys(check_text(text, request.evidence, rules, most=request.most) for text in texts)
    return tuple(found)


def fallback_text(cause: str) -> str:
    """Say why the grounded composer wrote; '' where it was asked to."""
    if not cause:
        return ""
    texts = {
        "only_in_worker": _("A language model is loaded in workers only, so facts and templates wrote this."),
        "all_withheld": _(
            "The facts did not support what the model wrote, so facts and templates wrote this."
        ),
        "budget": _("Today's budget is spent, so facts and templates wrote this."),
    }
    other = _("The composer did not answer (%(cause)s), so facts and templates wrote this.")
    return texts.get(cause, other % {"cause": cause})


# -- prompts --------------------------------------------------------------------------------------


def create_prompts() -> int:
    """Write the first versions of prompts that scenarios ship; what is there is left alone."""
    n = 0
    for spec in registered_prompts():
        for language, wording in spec.wordings.items():
            with transaction.atomic():
                prompt, is_new = Prompt.objects.get_or_create(name=spec.name, language=language)
                if is_new:
                    _add_version(prompt, wording.templates, wording.instructions, note="", user=None)
                    n += 1
    return n


def save_version(
    prompt: Prompt, *, templates: str, instructions: str, note: str = "", goes_live: bool = True,
    user: Any = None,
) -> PromptVersion:  # fmt: skip
    """Add a version, and make it live unless it is a draft.

    Raises TemplateLineError, ConflictError where nothing changed.
    """
    _check(user)
    check_templates(templates)
    templates, instructions = (text.replace("\r\n", "\n").strip() for text in (templates, instructions))
    if not templates:
        raise InvalidInputError(reason=_("a prompt needs templates: they write where no model answers."))
    with transaction.atomic():
        locked = (
            Prompt.objects.select_for_update(of=("self",)).select_related("live_version").get(pk=prompt.pk)
        )
        live = locked.live_version
        if live is not None and (live.templates, live.instructions) == (templates, instructions):
            raise ConflictError(reason=_("the live version says the same."))
        version = _add_version(
            locked, templates, instructions, note=note, user=user, goes_live=goes_live or live is None
        )
        details = {"version": version.number, "is_live": version.pk == locked.live_version_id}
        write_audit(action="save_prompt_version", subject=locked, user=user, details=details)
    return version


def make_live(version: PromptVersion, *, user: Any = None) -> None:
    """Compose by a version from now on; going back to an earlier one is the same."""
    _check(user)
    with transaction.atomic():
        locked = Prompt.objects.select_for_update().get(pk=version.prompt_id)
        if locked.live_version_id == version.pk:
            return
        locked.live_version = version
        locked.save(update_fields=["live_version"])
        write_audit(
            action="make_prompt_version_live", subject=locked, user=user, details={"version": version.number}
        )


def _add_version(
    prompt: Prompt, templates: str, instructions: str, *, note: str, user: Any, goes_live: bool = True
) -> PromptVersion:
    newest = prompt.versions.aggregate(newest=Max("number"))["newest"] or 0
    version = PromptVersion.objects.create(
        prompt=prompt, number=newest + 1, templates=templates.strip(), instructions=instructions.strip(),
        note=note, created_by=user,
    )  # fmt: skip
    if goes_live:
        prompt.live_version = version
        prompt.save(update_fields=["live_version"])
    return version


def _check(user: Any) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"{APP}.change_prompt"):
        raise PermissionDeniedError
