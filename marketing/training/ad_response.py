"""Who clicks on an advertisement and buys after it: one network for both, with and without the next item."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.callbacks import ReportTo
from ecomai.registry.runs import Candidate, Run

from ..ads.columns import CATEGORIES, NUMBERS
from ..ads.outcomes import AdHistory, read_history
from ..app_settings import app_settings
from ..readiness import LEAST_AD_CLICKS, LEAST_AD_IMPRESSIONS

if TYPE_CHECKING:
    from ecomai.learning.encoders.base import TextEncoder
    from ecomai.learning.response.base import Outcomes, ResponseModel
    from ecomai.learning.response.joint import NextItems

#: Until where is learned from, and until where chosen and calibrated; the rest is the test period.
LEARNED, CHOSEN = 0.6, 0.8
PRIMARY, BASELINE, KIND = "click_log_loss", "placement_rate", "response"
OURS = ("joint", "joint_next_item")
CREATIVE = CATEGORIES.index("creative")


@dataclass(frozen=True)
class Parts:
    """Exposures by time: to learn from, to choose and calibrate by, to judge by."""

    train: "Outcomes"
    valid: "Outcomes"
    test: "Outcomes"


def train_ad_response(run: Run) -> Candidate:
    """Fit all models, choose among ours by later exposures, judge on the newest, then learn from all."""
    run.report(0.02, _("Reading impressions"))
    history = read_history(as_of=run.cutoff or timezone.now())
    check_enough(history)
    run.report(0.1, _("Reading texts"))
    encoder = fit_encoder(history.words)
    whole, next_items = outcomes_of(history, encoder)
    parts = split(whole)
    # What customers turned to since must not teach what is judged by it.
    earlier = before(next_items, history, history.times[len(parts.train)])
    fitted = fit_all(run, parts, earlier if run.hyperparameters["next_item"] else None)
    scores = {name: judge(model, parts.valid) for name, model in fitted.items()}
    rows = {name: judge(model, parts.test) for name, model in fitted.items()}
    chosen = min((name for name in OURS if name in fitted), key=lambda name: scores[name][PRIMARY])
    run.report(0.8, _("Learning from all impressions"))
    model = _refit(run, whole, next_items if chosen == "joint_next_item" else None)
    folder = _export(run, model, encoder, history, whole, chosen)
    return Candidate(
        folder=folder,
        kind=KIND,
        metrics=rows[chosen],
        baseline_metrics=rows[BASELINE],
        live_metrics=rows.get(_live_kind(run.live_artifact()), {}),
        window_start=history.times[0],
        window_end=history.times[-1],
        data_fingerprint=_fingerprint(whole),
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Choosing which advertisement a place shows."),
            "estimator": chosen, "rows": rows, "rows_validation": scores, "n_exposures": len(whole),
            "n_clicks": int(whole.clicked.sum()), "n_conversions": int((whole.converted == 1).sum()),
            "n_next_items": len(next_items),
        },
    )  # fmt: skip


def check_enough(history: AdHistory) -> None:
    for have, need, unit in (
        (len(history), LEAST_AD_IMPRESSIONS, _("impressions of advertisements")),
        (int(history.clicked.sum()), LEAST_AD_CLICKS, _("clicks on advertisements")),
    ):
        if have < need:
            raise NotEnoughDataError(have=have, need=need, unit=unit)


def fit_encoder(texts: Sequence[str], *, name: str = "") -> "TextEncoder":
    """Return the configured encoder; `auto` makes do with n-grams where no pretrained one is at hand."""
    from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
    from ecomai.learning.encoders.routed import RoutedTextEncoder
    from ecomai.learning.exceptions import MissingEncoderError

    name = name or app_settings.AD_TEXT_ENCODER
    if name != "char_ngram":
        given: dict[str, Any] = {} if name == "auto" else {"model": name}
        try:
            return RoutedTextEncoder(**given).fit(list(texts))
        except MissingEncoderError:
            if name != "auto":
                raise
    return CharNgramTextEncoder().fit(list(texts))


def outcomes_of(history: AdHistory, encoder: "TextEncoder") -> tuple["Outcomes", "NextItems"]:
    from ecomai.learning.response.base import Outcomes
    from ecomai.learning.response.joint import NextItems

    contents = history.contents(encoder.encode(history.words))
    whole = Outcomes.of(history.exposures(contents), history.clicked, history.converted)
    return whole, NextItems.of(history.next_histories, history.next_items, n_contents=len(contents))


def split(whole: "Outcomes") -> Parts:
    """Cut by time."""
    first, second = (int(share * len(whole)) for share in (LEARNED, CHOSEN))
    return Parts(*(whole.take(slice(*each)) for each in ((0, first), (first, second), (second, None))))


def fit_all(run: Run, parts: Parts, next_items: "NextItems | None") -> dict[str, "ResponseModel"]:
    from ecomai.learning.response.boosted import BoostedResponse
    from ecomai.learning.response.joint import JointResponse
    from ecomai.learning.response.placement_rate import PlacementRate

    seed = run.random_state
    fitted: dict[str, ResponseModel] = {
        BASELINE: PlacementRate().fit(parts.train, valid=parts.valid),
        "creative_rate": PlacementRate(column=CREATIVE).fit(parts.train, valid=parts.valid),
        "boosted": BoostedResponse(random_state=seed).fit(parts.train, valid=parts.valid),
    }
    cases: dict[str, NextItems | None] = {"joint": None}
    if next_items is not None:
        cases["joint_next_item"] = next_items
    for number, (name, given) in enumerate(cases.items()):
        start = 0.2 + 0.3 * number
        message = _("Learning: %(model)s") % {"model": name}
        report = ReportTo(run, start=start, end=start + 0.3, message=message)
        fitted[name] = JointResponse(random_state=seed).fit(
            parts.train, valid=parts.valid, next_items=given, callbacks=[report],
            checkpoint_folder=run.folder / f"checkpoints-{name}",
        )  # fmt: skip
    return fitted


def judge(model: "ResponseModel", outcomes: "Outcomes") -> dict[str, float]:
    from ecomai.learning.metrics.response import response_report

    found = model.predict(outcomes.exposures)
    return response_report(
        outcomes.clicked, outcomes.converted, click=found.click, conversion=found.conversion
    )


def _refit(run: Run, whole: "Outcomes", next_items: "NextItems | None") -> Any:
    """Learn from what is older than the newest fifth, and calibrate by that."""
    from ecomai.learning.response.joint import JointResponse

    cut = int(CHOSEN * len(whole))
    report = ReportTo(run, start=0.8, end=0.95, message=_("Learning from all impressions"))
    return JointResponse(random_state=run.random_state).fit(
        whole.take(slice(cut)), valid=whole.take(slice(cut, None)), next_items=next_items,
        callbacks=[report], checkpoint_folder=run.folder / "checkpoints-whole",
    )  # fmt: skip


def _export(
    run: Run, model: Any, encoder: "TextEncoder", history: AdHistory, whole: "Outcomes", chosen: str
) -> Path:
    from ecomai.inference.exposures import Contents
    from ecomai.learning.export import export_response

    known, n = whole.exposures.contents, len(history.item_pks)
    return export_response(
        model, encoder, run.folder / "artifact", item_ids=[str(pk) for pk in history.item_pks],
        contents=Contents(known.vectors[:n], known.keys[:n]), categories=CATEGORIES, numbers=NUMBERS,
        estimator=chosen,
    )  # fmt: skip


def before(next_items: "NextItems", history: AdHistory, moment: datetime) -> "NextItems":
    """Return what customers turned to before a moment."""
    is_earlier = np.array([at < moment for at in history.next_times], dtype=bool)
    return replace(
        next_items, histories=next_items.histories[is_earlier], targets=next_items.targets[is_earlier]
    )


def _live_kind(folder: Path | None) -> str:
    """Which of ours serves: it is judged as it would have been, learned before the test period."""
    if folder is None:
        return ""
    return str(json.loads((folder / "predictor.json").read_text(encoding="utf-8")).get("estimator", ""))


def _fingerprint(whole: "Outcomes") -> str:
    digest, shown = hashlib.sha256(), whole.exposures
    for part in (shown.categories, shown.numbers, shown.items, shown.texts, shown.histories, whole.clicked):
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(np.ascontiguousarray(whole.converted).tobytes())
    return digest.hexdigest()
