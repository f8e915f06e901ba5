"""The model of listings or reviews: trees on features, a regression on vectors of texts and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.registry.runs import Candidate, Run
from ecomai.registry.selectors import serving_version
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.content_classifier import PICTURE, TEXT, ContentClassifierPredictor

from ..app_settings import app_settings
from ..contents import Content, content_of, probabilities
from ..datasets import RiskDataset, forbidden_columns, read_dataset
from ..exceptions import TextEncoderMissingError
from ..features import FEATURE_NAMES, FEATURES_VERSION
from ..models import Assessment, Policy
from ..reasons import REASONS
from ..scorecard import Scorecard
from .scorecards import fit_scorecard, score_rows
from .tabular import (
    Periods,
    check_enough,
    group_metrics,
    median_milliseconds,
    report,
    split_of,
    split_periods,
    train_risk,
    typical_row,
    without,
)

if TYPE_CHECKING:
    from ecomai.learning.encoders.base import TextEncoder

#: A text costs some milliseconds each time it is read: only so many of the newest teach.
MOST_SAMPLES = 20_000
#: A transformer takes twice as long for twice the text, and the answer has a time budget.
MOST_PIECES = 64
#: Below so many pictures to learn from, texts decide alone.
LEAST_PICTURES = 10
_CHUNK = 2000


@dataclass(frozen=True)
class Pictures:
    """Which image encoder's vectors are read, and how long they are; none where the key is ""."""

    key: str = ""
    n_features: int = 0


def train_moderation(run: Run) -> Candidate:
    """Train the model of a kind whose texts are kept, from outcomes that were known at the cutoff.

    A shop that forbids `text_content` gets the model of features alone. Raises NotEnoughDataError and
    TextEncoderMissingError.
    """
    from ecomai.learning.classifiers.boosted import BoostedClassifier
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble
    from ecomai.learning.classifiers.logistic import LogisticClassifier
    from ecomai.learning.export import export_content_classifier

    kind = run.model_name.partition(".")[2]
    if _is_forbidden(kind, TEXT):
        return train_risk(run)
    run.report(0.02, _("Reading assessments"))
    dataset = _newest(read_dataset(kind, as_of=run.cutoff or timezone.now()))
    check_enough(dataset)
    periods = split_periods(dataset, run.hyperparameters)
    contents = read_contents(dataset.ids)
    forbidden = forbidden_columns(kind)
    X, y = without(dataset.X, forbidden), dataset.y
    run.report(0.1, _("Reading texts"))
    pictures = Pictures() if _is_forbidden(kind, PICTURE) else _pictures(contents[periods.train])
    encoder, encoder_name = fit_encoder([content.text for content in contents[periods.train]])
    vectors = _vectors(encoder, contents[: periods.test.start], pictures)
    run.report(0.4, _("Growing trees"))
    trees = BoostedClassifier(
        n_trees=run.hyperparameters["n_trees"], n_leaves=run.hyperparameters["n_leaves"], negative_share=1.0,
        random_state=run.random_state,
    ).fit(X[periods.train], y[periods.train], feature_names=FEATURE_NAMES)  # fmt: skip
    line = LogisticClassifier(random_state=run.random_state).fit(vectors[periods.train], y[periods.train])
    run.report(0.6, _("Calibrating"))
    # Where a few cases cannot tell which of both is better, the content decides: it was tried first.
    margins = np.stack(
        [trees.decision_function(X[periods.valid]), line.decision_function(vectors[periods.valid])], axis=1
    )
    ensemble = CalibratedEnsemble(random_state=run.random_state).fit(margins, y[periods.valid])
    card = fit_scorecard(X[periods.train], y[periods.train], forbidden=forbidden)
    honest = vectors[periods.train][y[periods.train] == 0]
    folder = export_content_classifier(
        trees,
        line,
        encoder,
        ensemble.calibration,
        run.folder / "artifact",
        typical=typical_row(X, y, periods.train),
        typical_vector=honest.mean(axis=0),
        groups={code: kind.features for code, kind in REASONS.items() if kind.features},
        picture_encoder=pictures.key,
        simple=card.as_json(),
        features_version=FEATURES_VERSION,
    )
    run.report(0.8, _("Judging"))
    about = {
        "forbidden_features": list(forbidden),
        "text_encoder": encoder_name,
        "image_encoder": pictures.key,
        "weights": {"features": float(ensemble.weights_[0]), "content": float(ensemble.weights_[1])},
    }
    return _judged(run, dataset, X, periods, folder, card, contents[periods.test], about)


def _judged(
    run: Run, dataset: RiskDataset, X: NDArray[np.float32], periods: Periods, folder: Path, card: Scorecard,
    judged: Sequence[Content], about: Mapping[str, Any],
) -> Candidate:  # fmt: skip
    """Judge the files as they will serve, beside the simple model and the version that serves now."""
    predictor = ContentClassifierPredictor.load(folder)
    rows, labels = X[periods.test], dataset.y[periods.test]
    found = probabilities(predictor, rows, judged)
    return Candidate(
        folder=folder,
        kind=predictor.kind,
        metrics=report(labels, found),
        baseline_metrics=report(labels, score_rows(card, rows)),
        live_metrics=_live_metrics(run, dataset.X[periods.test], judged, labels),
        group_metrics=group_metrics(dataset, periods.test, found),
        window_start=dataset.received[0],
        window_end=dataset.received[-1],
        data_fingerprint=dataset.fingerprint,
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Moderating listings and reviews together with people and rules."),
            "features": predictor.used_columns,
            "label_delay_days": app_settings.LABEL_DELAY_DAYS,
            "ms_per_answer": median_milliseconds(
                lambda pair: predictor.assess_content(
                    pair[0], pair[1].text, pair[1].picture_of(predictor.picture_encoder)
                ),
                list(zip(rows, judged, strict=True)),
            ),
            "split": split_of(dataset, periods),
            **about,
        },
    )  # fmt: skip


def read_contents(ids: NDArray[np.int64]) -> list[Content]:
    """Return the contents of assessments in the order of their ids."""
    found: dict[int, Content] = {}
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK].tolist()
        rows = Assessment.objects.filter(pk__in=some).values_list("pk", "payload")
        found |= {pk: content_of(payload) for pk, payload in rows}
    nothing = Content("")  # of somebody who was erased meanwhile
    return [found.get(pk, nothing) for pk in ids.tolist()]


def fit_encoder(texts: Sequence[str]) -> tuple["TextEncoder", str]:
    """Return the configured encoder and its name.

    `auto` makes do with n-grams where no pretrained encoder is at hand. Raises TextEncoderMissingError.
    """
    from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
    from ecomai.learning.encoders.routed import RoutedTextEncoder
    from ecomai.learning.exceptions import MissingEncoderError

    name = app_settings.TEXT_ENCODER
    if name != "char_ngram":
        given: dict[str, Any] = {} if name == "auto" else {"model": name}
        routed = RoutedTextEncoder(max_length=MOST_PIECES, **given)
        try:
            return routed.fit(list(texts)), routed.model
        except MissingEncoderError as error:
            if name != "auto":
                raise TextEncoderMissingError(encoder=name) from error
    return CharNgramTextEncoder().fit(list(texts)), "char_ngram"


def _is_forbidden(kind: str, name: str) -> bool:
    policies = Policy.objects.filter(kind=kind, is_current=True)
    given = [str(each) for policy in policies for each in policy.forbidden_features if each]
    return name.startswith(tuple(given))


def _newest(dataset: RiskDataset) -> RiskDataset:
    if len(dataset) <= MOST_SAMPLES:
        return dataset
    kept = slice(len(dataset) - MOST_SAMPLES, None)
    return replace(
        dataset, X=dataset.X[kept], y=dataset.y[kept], ids=dataset.ids[kept], received=dataset.received[kept]
    )


def _pictures(contents: Sequence[Content]) -> Pictures:
    """Return what is read of pictures: those of the image encoder that serves, if there are enough."""
    version = serving_version(app_settings.IMAGE_ENCODER) if app_settings.IMAGE_ENCODER else None
    key = str(version.card.get("encoder_key", "")) if version else ""
    known = [vector for content in contents if (vector := content.picture_of(key)) is not None]
    return Pictures(key, len(known[0])) if len(known) >= LEAST_PICTURES else Pictures()


def _vectors(encoder: "TextEncoder", contents: Sequence[Content], pictures: Pictures) -> NDArray[np.float32]:
    """Vectors of shape (n_contents, n_text + n_picture), as `ContentClassifierPredictor` joins them."""
    n_text = encoder.n_features_
    joined = np.zeros((len(contents), n_text + pictures.n_features), dtype=np.float32)
    joined[:, :n_text] = encoder.encode([content.text for content in contents])
    for place, content in enumerate(contents):
        if (vector := content.picture_of(pictures.key)) is not None:
            joined[place, n_text:] = vector
    return joined


def _live_metrics(
    run: Run, rows: NDArray[np.float32], contents: Sequence[Content], y: NDArray[np.int64]
) -> dict[str, float]:
    """Judge the version that serves; nothing is said of one that takes other features."""
    folder = run.live_artifact()
    if folder is None:
        return {}
    predictor: Any = load_predictor(folder)
    if list(getattr(predictor, "columns", ())) != list(FEATURE_NAMES):
        return {}
    return report(y, probabilities(predictor, rows, contents))
