"""Whether a text of a customer is negative: learned from texts with stars, judged on the newest of them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError
from ecomai.fusion.selectors import granted_consents
from ecomai.learning.callbacks import ReportTo
from ecomai.learning.classifiers.text_ensemble import TextEnsemble
from ecomai.learning.classifiers.text_pieces import PiecesTextClassifier
from ecomai.registry.runs import Candidate, Run

from ..app_settings import app_settings
from ..models import Feedback
from ..readiness import LEAST_NEGATIVE, LEAST_RATED
from ..sentiment import join_title, sentiment_metrics
from ..services.voice import NEGATIVE_STARS, POSITIVE_STARS

KIND = "sentiment"
FORMAT_VERSION = 1
DESCRIPTION_FILE = "predictor.json"
ESTIMATOR_FOLDER = "estimator"
TEST_SHARE = 0.2
MOST_TEXTS = 100_000
STARS = (1, 5)
BASELINE = "words"
_CHUNK = 2000


@dataclass(frozen=True)
class RatedTexts:
    """Texts with stars, the oldest first; `y` is 1 where they are negative, grades go from 0 to 1."""

    texts: list[str]
    y: NDArray[np.int64]
    grades: NDArray[np.float64]
    written_at: list[datetime]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(self.grades.tobytes())
        digest.update("\0".join(self.texts).encode())
        return digest.hexdigest()

    def part(self, start: int, end: int) -> "RatedTexts":
        return RatedTexts(
            self.texts[start:end], self.y[start:end], self.grades[start:end], self.written_at[start:end]
        )


def train_sentiment(run: Run) -> Candidate:
    """Learn from the older texts, and judge on the newest fifth: candidate, words alone, and what serves."""
    run.report(0.02, _("Reading texts with stars"))
    rated = read_rated(as_of=run.cutoff or timezone.now())
    cut = check_enough(rated)
    learned, asked = rated.part(0, cut), rated.part(cut, len(rated))
    run.report(0.05, _("Learning: %(model)s") % {"model": BASELINE})
    baseline = PiecesTextClassifier(has_letters=False).fit(learned.texts, learned.y)
    model = TextEnsemble(random_state=run.random_state, **run.hyperparameters)
    model.fit(
        learned.texts, learned.y, grades=learned.grades,
        callbacks=[ReportTo(run, start=0.1, end=0.85, message=_("Fine-tuning the encoder"))],
        checkpoint_folder=run.folder / "checkpoints",
    )  # fmt: skip
    run.report(0.87, _("Judging"))
    live = run.live_artifact()
    return Candidate(
        folder=write_sentiment_model(run.folder / "artifact", model),
        kind=KIND,
        metrics=judge(model, asked),
        baseline_metrics=sentiment_metrics(
            asked.y, baseline.predict_proba(asked.texts)[:, 1], baseline.decision_function(asked.texts) >= 0
        ),
        live_metrics=judge(read_sentiment_model(live), asked) if live else {},
        window_start=rated.written_at[0],
        window_end=rated.written_at[-1],
        data_fingerprint=rated.fingerprint,
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Telling whether a text of a customer, or a sentence of it, is negative."),
            "n_learned": len(learned), "n_asked": len(asked), "held_back": model.held_,
            "has_encoder": model.has_transformer_, "threshold": model.threshold_,
            "labels": _("Up to two stars are negative, four and five are not; three are left out."),
        },
    )  # fmt: skip


def read_rated(*, as_of: datetime) -> RatedTexts:
    """Return texts with stars that were known at a moment, the newest up to a bound.

    A text of a known customer is in it where the customer allows marketing.
    """
    rows = Feedback.objects.filter(rating__isnull=False, written_at__lt=as_of, received_at__lte=as_of)
    rows = rows.exclude(rating__gt=NEGATIVE_STARS, rating__lt=POSITIVE_STARS).order_by("-written_at", "-pk")
    values = rows.values_list("customer_id", "title", "text", "rating", "written_at").iterator(_CHUNK)
    found: list[Any] = []
    while chunk := list(islice(values, _CHUNK)):
        found += _allowed(chunk)
        if len(found) >= MOST_TEXTS:
            break
    found = found[:MOST_TEXTS][::-1]
    stars = np.array([row[3] for row in found], dtype=np.int64)
    least, most = STARS
    return RatedTexts(
        [join_title(title, text) for _customer, title, text, _stars, _moment in found],
        (stars <= NEGATIVE_STARS).astype(np.int64), (stars - least) / (most - least),
        [row[4] for row in found],
    )  # fmt: skip


def check_enough(rated: RatedTexts) -> int:
    """Return where the newest fifth begins; raise NotEnoughDataError where there is too little to learn."""
    cut = len(rated) - int(TEST_SHARE * len(rated))
    n_negative, n_asked = int(rated.y[:cut].sum()), int(rated.y[cut:].sum())
    for have, need, unit in (
        (len(rated), LEAST_RATED, _("texts with stars")),
        (n_negative + n_asked, LEAST_NEGATIVE, _("negative texts with stars")),
        (min(n_negative, n_asked), 2, _("negative texts in the newest fifth and before")),
        (int(len(rated) - rated.y.sum()), LEAST_NEGATIVE, _("texts with four or five stars")),
        (int((rated.y[cut:] == 0).sum()), 2, _("texts with four or five stars in the newest fifth")),
    ):
        if have < need:
            raise NotEnoughDataError(have=have, need=need, unit=unit)
    return cut


def judge(model: TextEnsemble, asked: RatedTexts) -> dict[str, float]:
    scores = model.predict_proba(asked.texts)[:, 1]
    return sentiment_metrics(asked.y, scores, scores >= model.threshold_)


def write_sentiment_model(folder: Path, model: TextEnsemble) -> Path:
    model.save(folder / ESTIMATOR_FOLDER)
    description = {"kind": KIND, "format_version": FORMAT_VERSION}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description), encoding="utf-8")
    return folder


def read_sentiment_model(folder: Path) -> TextEnsemble:
    """Read what `write_sentiment_model` wrote. Raises FormatVersionError for a format of another time."""
    return TextEnsemble.load(folder / ESTIMATOR_FOLDER, device="auto")


def _allowed(rows: Sequence[Any]) -> list[Any]:
    customers = {row[0] for row in rows if row[0] is not None}
    granted = granted_consents(customer_pks=customers, purpose=app_settings.PURPOSE)
    return [row for row in rows if row[0] is None or row[0] in granted]
