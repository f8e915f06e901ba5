"""What customers want: learned from a shop's phrases, judged on a fifth of them that was not learned."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError
from ecomai.inference.spans import Span
from ecomai.learning.callbacks import ReportTo
from ecomai.learning.classifiers.entities import EntityTagger
from ecomai.learning.classifiers.intent import FROZEN, IntentClassifier
from ecomai.learning.export import export_intents
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors.intents import IntentsPredictor

from ..selectors import active_phrases, marked_phrases

KIND = "intents"
#: Of an intent; with fewer, nothing could be judged.
LEAST_PHRASES, LEAST_INTENTS = 5, 2
TEST_SHARE = 0.2
#: With fewer marked phrases nothing is learned of names; few are seen so often that they are about so many.
LEAST_MARKED, MARKED_PASSES = 20, 1_000


def train_intent(run: Run) -> Candidate:
    """Learn from four fifths of the phrases and judge on the rest: candidate, frozen encoder, what serves."""
    run.report(0.02, _("Reading phrases"))
    texts, labels = check_enough(active_phrases())
    learned, asked = split(labels, run.random_state)
    run.report(0.05, _("Learning: %(model)s") % {"model": FROZEN})
    options = {"random_state": run.random_state, **run.hyperparameters}
    baseline = IntentClassifier(**{**options, "objective": FROZEN, "held_share": 0.0})
    baseline.fit(*at(texts, labels, learned))
    model = IntentClassifier(**options).fit(
        *at(texts, labels, learned),
        callbacks=[ReportTo(run, start=0.3, end=0.85, message=_("Fine-tuning the encoder"))],
        checkpoint_folder=run.folder / "checkpoints",
    )
    run.report(0.86, _("Learning what phrases name"))
    tagger = learn_names(marked_phrases(), random_state=run.random_state)
    run.report(0.92, _("Judging"))
    live = run.live_artifact()
    said = IntentsPredictor.load(live).classify(at(texts, labels, asked)[0]) if live else []
    return Candidate(
        folder=export_intents(model, run.folder / "artifact", tagger=tagger),
        kind=KIND,
        metrics=judge(model.predict(at(texts, labels, asked)[0]), labels, asked),
        baseline_metrics=judge(baseline.predict(at(texts, labels, asked)[0]), labels, asked),
        live_metrics=judge([each.intent for each in said], labels, asked) if live else {},
        data_fingerprint=hashlib.sha256("\0".join([*texts, *labels]).encode()).hexdigest(),
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Telling what a customer's message wants, and whether it is anything known."),
            "n_learned": len(learned), "n_asked": len(asked), "intents": model.classes_,
            "objective": model.objective_, "held_back": model.held_,
            "names": tagger.kinds_ if tagger else [],
        },
    )  # fmt: skip


def learn_names(marked: Sequence[tuple[str, list[Span]]], *, random_state: int) -> EntityTagger | None:
    """Return what finds names in messages; None where too few phrases are marked to show what they are."""
    if len(marked) < LEAST_MARKED:
        return None
    epochs = max(3, MARKED_PASSES // len(marked))
    tagger = EntityTagger(random_state=random_state, max_epochs=epochs)
    return tagger.fit([text for text, _spans in marked], [spans for _text, spans in marked])


def check_enough(phrases: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Return texts and labels; intents with too few phrases are left out. Raises NotEnoughDataError."""
    counts: dict[str, int] = {}
    for _text, name in phrases:
        counts[name] = counts.get(name, 0) + 1
    kept = [(text, name) for text, name in phrases if counts[name] >= LEAST_PHRASES]
    n_intents = len({name for _text, name in kept})
    if n_intents < LEAST_INTENTS:
        unit = _("intents with at least %(n)d phrases") % {"n": LEAST_PHRASES}
        raise NotEnoughDataError(have=n_intents, need=LEAST_INTENTS, unit=unit)
    return [text for text, _name in kept], [name for _text, name in kept]


def split(labels: Sequence[str], random_state: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows to learn from, and a fifth of each intent to judge on."""
    rng = np.random.default_rng(random_state)
    found = np.array(labels)
    asked: list[int] = []
    for name in sorted(set(labels)):
        rows = rng.permutation(np.flatnonzero(found == name))
        asked += rows[: max(1, round(TEST_SHARE * len(rows)))].tolist()
    return np.setdiff1d(np.arange(len(labels)), asked), np.sort(np.array(asked))


def at(texts: Sequence[str], labels: Sequence[str], rows: NDArray[Any]) -> tuple[list[str], list[str]]:
    return [texts[row] for row in rows], [labels[row] for row in rows]


def judge(said: Sequence[str], labels: Sequence[str], asked: NDArray[Any]) -> dict[str, float]:
    """Return the share of right answers."""
    wanted = [labels[row] for row in asked]
    return {"accuracy": float(np.mean([one == other for one, other in zip(said, wanted, strict=True)]))}
