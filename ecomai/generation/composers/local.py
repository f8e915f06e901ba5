"""Asks a language model of the shop's own, loaded into a worker through transformers."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ecomai.generation.app_settings import app_settings
from ecomai.generation.exceptions import ComposerAwayError
from ecomai.generation.prompts import find_prompt
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.exceptions import CorruptArtifactError
from ecomai.registry.selectors import live_version

from .base import Composer, Composition, CompositionRequest, Piece, messages_of, texts_of_answer

logger = logging.getLogger(__name__)
#: In the card of an adapter: the model that it was learned for, as the settings name it.
BASE_MODEL = "base_model"


class LocalComposer(Composer):
    name = "local"
    is_heavy = True
    streams = True

    def compose(self, request: CompositionRequest) -> Composition:
        """Generate. Raises ComposerAwayError where the model cannot be loaded."""
        answer = self._loaded(request).generate(messages_of(request), **_how())
        texts = texts_of_answer(answer, request.n_texts)
        if not texts:
            raise ComposerAwayError(composer=self.name, cause="empty answer")
        return Composition(texts=texts)

    def stream(self, request: CompositionRequest) -> Iterator[Piece]:
        """Generate, and yield words as they come. Raises ComposerAwayError."""
        model = self._loaded(request)
        try:
            for text in model.stream(messages_of(request, is_streamed=True), **_how()):
                yield Piece(text=text)
        except RuntimeError as error:  # such as a GPU without room
            raise ComposerAwayError(composer=self.name, cause=type(error).__name__) from error

    def _loaded(self, request: CompositionRequest) -> Any:
        if not app_settings.LOCAL_MODEL:
            raise ComposerAwayError(composer=self.name, cause="no model is named")
        adapter = adapter_of(request.purpose)
        try:
            return load_model(app_settings.LOCAL_MODEL, app_settings.LOCAL_DEVICE, adapter)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            if not adapter:
                raise ComposerAwayError(composer=self.name, cause=type(error).__name__) from error
            logger.exception(
                "The adapter of %s cannot be loaded; the model writes without it.", request.purpose
            )
        return self._loaded(replace(request, purpose=""))


def adapter_of(purpose: str) -> str:
    """Return the folder of what is live for a kind of text and this very model; '' without an adapter."""
    spec = find_prompt(purpose)
    if spec is None or not spec.adapter:
        return ""
    version = live_version(spec.adapter)
    if version is None or version.card.get(BASE_MODEL) != app_settings.LOCAL_MODEL:
        return ""
    try:
        return str(open_artifact(version))
    except CorruptArtifactError:
        logger.exception("The adapter of %s is damaged; the model writes without it.", purpose)
        return ""


def _how() -> dict[str, Any]:
    return {"max_new_tokens": app_settings.MAX_NEW_TOKENS, "temperature": app_settings.TEMPERATURE}


@lru_cache(maxsize=2)  # with an adapter and without one
def load_model(name: str, device: str, adapter: str = "") -> Any:
    """Return a model of this process, loaded once."""
    # torch comes with it, so it is loaded where a worker composes and nowhere else.
    from ecomai.learning.generation import LanguageModel

    return LanguageModel.load(name, device=device, adapter=adapter)
