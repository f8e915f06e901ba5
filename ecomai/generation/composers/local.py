"""Asks a language model of the shop's own, loaded into a worker through transformers."""

from functools import lru_cache
from typing import Any

from ecomai.generation.app_settings import app_settings
from ecomai.generation.exceptions import ComposerAwayError

from .base import Composer, Composition, CompositionRequest, messages_of, texts_of_answer


class LocalComposer(Composer):
    name = "local"
    is_heavy = True

    def compose(self, request: CompositionRequest) -> Composition:
        """Generate. Raises ComposerAwayError where the model cannot be loaded."""
        if not app_settings.LOCAL_MODEL:
            raise ComposerAwayError(composer=self.name, cause="no model is named")
        try:
            model = _model(app_settings.LOCAL_MODEL, app_settings.LOCAL_DEVICE)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            raise ComposerAwayError(composer=self.name, cause=type(error).__name__) from error
        answer = model.generate(
            messages_of(request), max_new_tokens=app_settings.MAX_NEW_TOKENS,
            temperature=app_settings.TEMPERATURE,
        )  # fmt: skip
        texts = texts_of_answer(answer, request.n_texts)
        if not texts:
            raise ComposerAwayError(composer=self.name, cause="empty answer")
        return Composition(texts=texts)


@lru_cache(maxsize=1)
def _model(name: str, device: str) -> Any:
    # torch comes with it, so it is loaded where a worker composes and nowhere else.
    from ecomai.learning.generation import LanguageModel

    return LanguageModel.load(name, device=device)
