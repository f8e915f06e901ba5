"""From a frozen past to judged candidates. Runs in a worker; nothing here is imported by a web process."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _

from ecomai.commerce.snapshots import Snapshot, freeze
from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.callbacks import ReportTo
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors import load_predictor

from . import datasets, tuning
from .app_settings import app_settings
from .datasets import Cases, Dataset
from .exceptions import EncoderMissingError
from .judging import Judged, judge_predictor, judge_recommender
from .selectors import interaction_types
from .services import predictors, vectors

if TYPE_CHECKING:
    from ecomai.learning.encoders.base import TextEncoder

SNAPSHOT_FILE = "snapshot.json"
PROBE = "a red dress for the summer, size 38"
MAX_JUDGED = 10_000
MAX_VALIDATED = 2_000
#: What of a run's hyperparameters is not the model's own.
SPLIT_PARAMETERS = ("valid_share", "test_share", "is_refitted", "encoder")


@dataclass(frozen=True, eq=False)
class Material:
    """All that a training learns from and is judged on."""

    snapshot: Snapshot
    dataset: Dataset
    vectors: np.ndarray  # (n_items, n_features) float32
    encoder: "TextEncoder"
    encoder_key: str
    early: Interactions  # before the validation period
    train: Interactions  # before the test period
    valid: Cases
    test: Cases
    is_offered: np.ndarray  # (n_items,) bool: may be recommended now

    @property
    def item_ids(self) -> list[str]:
        return self.dataset.item_keys.astype(str).tolist()

    @property
    def judging(self) -> tuple[Cases, dict[str, np.ndarray], np.ndarray]:
        """Cases, their groups, and what is on offer."""
        return self.test, datasets.groups_of(self.test, self.train), self.is_offered

    @property
    def valid_split(self) -> Split:
        return Split(train=self.early, histories=self.valid.histories, targets=self.valid.targets)


def train_next_item(run: Run) -> Candidate:
    """Train the sequence model and judge it against what serves now, popularity and item-item."""
    from ecomai.learning.export import export_next_item
    from ecomai.learning.recommenders.item_item import ItemItemRecommender
    from ecomai.learning.recommenders.sequence import SequenceRecommender
    from ecomai.learning.tensorboard_logs import TensorBoardLogs

    material = prepare(run)
    parameters = tuning.tune_next_item(run, material, model_parameters(run))
    model = SequenceRecommender(**parameters, random_state=run.random_state)
    model.fit(
        material.early,
        material.vectors,
        valid=material.valid_split if len(material.valid) else None,
        callbacks=[
            ReportTo(run, start=0.25, end=0.6, message=_("Learning")),
            TensorBoardLogs(run.log_folder / "fit"),
        ],
        checkpoint_folder=run.folder / "search",
    )
    if run.hyperparameters.get("is_refitted", True):
        # How long to learn is known now; the newest events before the test period join in.
        parameters |= {"max_epochs": model.best_epoch_} if model.best_epoch_ else {}
        model = SequenceRecommender(**parameters, random_state=run.random_state)
        model.fit(
            material.train,
            material.vectors,
            callbacks=[
                ReportTo(_Quiet(run), start=0.6, end=0.85, message=_("Learning with all events")),
                TensorBoardLogs(run.log_folder / "refit"),
            ],
            checkpoint_folder=run.folder / "refit",
        )
    run.report(0.86, _("Writing the model's files"))
    folder = export_next_item(
        model,
        _fresh(run.folder / "artifact"),
        item_ids=material.item_ids,
        event_types=material.dataset.event_types,
        text_encoder=material.encoder,
        encoder_cache=run.folder.parent.parent / "encoders",
    )
    run.report(0.92, _("Judging"))
    neighbours = ItemItemRecommender().fit(material.train, material.vectors)
    peers = {"item_item": judge_recommender(neighbours, *material.judging)}
    return _candidate(run, material, folder, kind="next_item", parameters=parameters, peers=peers)


def train_similar_items(run: Run) -> Candidate:
    """Learn which items go together, completed by texts. Judged on: from the last item, which one is next."""
    from ecomai.learning.export import export_similar_items
    from ecomai.learning.recommenders.item_item import ItemItemRecommender

    material = prepare(run, max_history=1)
    parameters = tuning.tune_similar_items(run, material, model_parameters(run))
    callbacks = [ReportTo(run, start=0.3, end=0.85, message=_("Learning"))]
    model = ItemItemRecommender(**parameters).fit(material.train, material.vectors, callbacks=callbacks)
    folder = export_similar_items(
        model, _fresh(run.folder / "artifact"), item_ids=material.item_ids, item_vectors=material.vectors
    )
    run.report(0.9, _("Judging"))
    return _candidate(run, material, folder, kind="similar_items", parameters=parameters, peers={})


# -- material -------------------------------------------------------------------------------------


def prepare(run: Run, *, max_history: int | None = None) -> Material:
    """Freeze, read, split and encode. Raises NotEnoughDataError and EncoderMissingError."""
    run.report(0.01, _("Freezing the history"))
    snapshot = frozen(run.folder / "snapshot", cutoff=run.cutoff)
    dataset = datasets.read_dataset(snapshot.folder, cutoff=run.cutoff)
    check_is_enough(dataset)
    valid_start, test_start = datasets.period_starts(
        dataset,
        valid_share=float(run.hyperparameters.get("valid_share", 0.1)),
        test_share=float(run.hyperparameters.get("test_share", 0.1)),
    )
    seed = run.random_state
    test = datasets.cases_between(dataset, test_start, n_max=MAX_JUDGED, random_state=seed)
    if not len(test):
        raise NotEnoughDataError(have=0, need=1, unit=_("customers with a new item in the latest weeks"))
    encoder, key = fit_encoder(dataset.texts, name=str(run.hyperparameters.get("encoder", "")))
    return Material(
        snapshot=snapshot,
        dataset=dataset,
        vectors=item_vectors(run, dataset, encoder, key),
        encoder=encoder,
        encoder_key=key,
        early=dataset.before(valid_start),
        train=dataset.before(test_start),
        valid=datasets.cases_between(
            dataset, valid_start, test_start, n_max=MAX_VALIDATED, random_state=seed
        ),
        test=test if max_history is None else replace(test, histories=test.histories.newest(max_history)),
        is_offered=dataset.is_active,
    )


def frozen(folder: Path, *, cutoff: datetime) -> Snapshot:
    """Return the run's snapshot; a run that goes on after a kill reads what it read before."""
    note = folder / SNAPSHOT_FILE
    if note.exists():
        kept = json.loads(note.read_text(encoding="utf-8"))
        for name in ("window_start", "window_end"):
            kept[name] = datetime.fromisoformat(kept[name]) if kept[name] else None
        return Snapshot(**{**kept, "folder": folder})
    snapshot = freeze(folder, cutoff=cutoff, event_types=interaction_types())
    unfinished = note.with_suffix(".part")
    unfinished.write_text(json.dumps(asdict(snapshot), default=_as_text), encoding="utf-8")
    unfinished.rename(note)
    return snapshot


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def check_is_enough(dataset: Dataset) -> None:
    counts = (
        (dataset.interactions.n_events, app_settings.MIN_INTERACTIONS, _("steps from item to item")),
        (
            dataset.n_people_with_two,
            app_settings.MIN_CUSTOMERS,
            _("customers or sessions with two items"),
        ),
        (dataset.n_touched_items, app_settings.MIN_ITEMS, _("items with events")),
    )
    for have, need, unit in counts:
        if have < need:
            raise NotEnoughDataError(have=have, need=need, unit=unit)


def fit_encoder(texts: Sequence[str], *, name: str = "") -> "tuple[TextEncoder, str]":
    """Return the configured encoder, fitted on the catalogue, and the key of its vectors."""
    from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
    from ecomai.learning.encoders.routed import RoutedTextEncoder
    from ecomai.learning.exceptions import MissingEncoderError

    name = name or app_settings.ENCODER
    encoder: TextEncoder
    if name == "char_ngram":
        encoder = CharNgramTextEncoder()
    else:
        encoder = RoutedTextEncoder() if name == "auto" else RoutedTextEncoder(model=name)
    try:
        encoder.fit(list(texts))
    except MissingEncoderError as error:
        raise EncoderMissingError(encoder=name) from error
    return encoder, _encoder_key(name, encoder, texts)


def _encoder_key(name: str, encoder: "TextEncoder", texts: Sequence[str]) -> str:
    """Name the encoder by what it does: vectors of one key may be compared with each other."""
    digest = hashlib.sha256(np.round(encoder.encode([PROBE]), 2).tobytes())
    if getattr(encoder, "n_ngram_", 1):  # n-grams are learned from the shop's own texts
        digest.update("\0".join(texts).encode())
    return f"{vectors.KEY_PREFIX}{name}"[:80] + f":{digest.hexdigest()[:12]}"


def item_vectors(run: Run, dataset: Dataset, encoder: "TextEncoder", key: str) -> np.ndarray:
    """Return a vector for each item; only texts that this encoder has not read yet are encoded."""
    found = np.zeros((len(dataset.texts), encoder.n_features_), dtype=np.float32)
    for storefront, rows in dataset.rows_by_storefront().items():
        texts = {dataset.external_ids[row]: dataset.texts[row] for row in rows}
        vectors.store_texts(
            texts, encoder_key=key, storefront=storefront, encode=encoder.encode,
            report=lambda share: run.report(0.05 + 0.2 * share, _("Reading the texts of items")),
        )  # fmt: skip
        stored = vectors.stored_vectors(list(texts), encoder_key=key, storefront=storefront)
        for row in rows:
            found[row] = stored[dataset.external_ids[row]]
    return found


class _Quiet:
    """A run whose curve is finished: the second fit reports progress, and has a curve of its own."""

    def __init__(self, run: Run) -> None:
        self.report = run.report
        self.check_cancelled = run.check_cancelled
        self._run = run

    def log(self, step: int, **metrics: float) -> None:
        self._run.log(step, **{f"refit_{name}": value for name, value in metrics.items()})


def model_parameters(run: Run) -> dict[str, Any]:
    return {name: value for name, value in run.hyperparameters.items() if name not in SPLIT_PARAMETERS}


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


# -- judging --------------------------------------------------------------------------------------


def _candidate(
    run: Run, material: Material, folder: Path, *, kind: str, parameters: Mapping[str, Any],
    peers: Mapping[str, Judged],
) -> Candidate:  # fmt: skip
    """Judge the files as they will serve, and what serves now, on the same test period."""
    from ecomai.learning.recommenders.popularity import PopularityRecommender

    popularity = PopularityRecommender(half_life_days=app_settings.POPULARITY_HALF_LIFE_DAYS)
    baseline = judge_recommender(popularity.fit(material.train), *material.judging)
    judged = judge_predictor(load_predictor(folder), material.dataset, *material.judging)
    live_folder = run.live_artifact()
    live = (
        judge_predictor(load_predictor(live_folder), material.dataset, *material.judging)
        if live_folder
        else None
    )
    vectors.forget_other_encoders(keep=[material.encoder_key, *vectors.encoder_keys()])
    return Candidate(
        folder=folder,
        kind=kind,
        metrics=judged.metrics,
        baseline_metrics=baseline.metrics,
        live_metrics=live.metrics if live else {},
        group_metrics=judged.group_metrics,
        window_start=material.snapshot.window_start,
        window_end=material.snapshot.window_end,
        data_fingerprint=material.snapshot.fingerprint,
        hyperparameters={**run.hyperparameters, **parameters},
        card=_card(run, material, peers),
    )


def _card(run: Run, material: Material, peers: Mapping[str, Judged]) -> dict[str, Any]:
    pretrained = getattr(material.encoder, "n_pretrained_", 0) > 0
    name = str(run.hyperparameters.get("encoder", "") or app_settings.ENCODER)
    uses_default = pretrained and name == "auto"
    return {
        "intended_use": _(
            "Recommending this shop's items to its own visitors. Not for decisions about people."
        ),
        "base_model": "sentence-transformers/all-MiniLM-L6-v2"
        if uses_default
        else name
        if pretrained
        else "",
        "base_model_licence": "Apache-2.0" if uses_default else "",
        predictors.ENCODER_KEY: material.encoder_key,
        "unknown_script_share": float(getattr(material.encoder, "unknown_share_", 0.0)),
        "data": datasets.describe(material.dataset),
        "split": {
            "n_test_cases": len(material.test),
            "n_valid_cases": len(material.valid),
            "protocol": "a customer's last step to an item new to the customer, in the latest period",
        },
        "peers": {name: judged.metrics for name, judged in peers.items()},
    }
