"""From a frozen past to judged candidates. Runs in a worker; nothing here is imported by a web process."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
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
from ecomai.scenarios import FORGETTING
from ecomai.serving.predictors import load_predictor

from .. import datasets, drift
from ..app_settings import app_settings
from ..datasets import Cases, Dataset
from ..scenario import next_item
from ..selectors import interaction_types
from ..services import vectors
from . import tuning, updating
from .adapting import Made, Wishes, make_own
from .judging import Judged, judge_predictor, judge_recommender
from .picture_features import PictureFeatures, by_row
from .text_readers import INT8, TextReader, fit_reader, in_integers

if TYPE_CHECKING:
    from ecomai.learning.recommenders.item_item import ItemItemRecommender
    from ecomai.learning.recommenders.sequence import SequenceRecommender

SNAPSHOT_FILE = "snapshot.json"
MAX_JUDGED = 10_000
MAX_VALIDATED = 2_000
#: In a version's card: what item-item says beside the network, and how well each weight did.
BLEND = "blend"
#: What of a run's hyperparameters is not the model's own.
OTHER_PARAMETERS = (
    "valid_share",
    "test_share",
    "is_refitted",
    "is_update",
    *(name for name in next_item.default_hyperparameters if name.startswith("encoder")),
)


@dataclass(frozen=True, eq=False)
class Material:
    """All that a training learns from and is judged on."""

    snapshot: Snapshot
    dataset: Dataset
    vectors: np.ndarray  # (n_items, n_features) float32
    reader: TextReader
    valid_start: np.datetime64
    test_start: np.datetime64
    early: Interactions  # before the validation period
    train: Interactions  # before the test period
    valid: Cases
    test: Cases
    is_offered: np.ndarray  # (n_items,) bool: may be recommended now
    pictures: PictureFeatures | None = None  # that stand beside the text vectors in `vectors`

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
    """Train the sequence model, add item-item as far as it helps, and judge what will serve."""
    material, start, because = _begin(run)
    learned = _learn(run, material) if start is None else _update(run, material, start)
    run.report(0.86, _("Writing the model's files"))
    folder = _export_next_item(run, material, learned)
    run.report(0.92, _("Judging"))
    peers = {"item_item": judge_recommender(_neighbours(material.train, material), *material.judging)}
    card = {**learned.card, updating.LEARNED_UNTIL: updating.as_text(learned.until)}
    if start is not None and learned.old_test is not None:
        card[FORGETTING] = updating.measure_forgetting(
            load_predictor(start.folder), load_predictor(folder), learned.old_test, material.dataset,
            material.is_offered, from_version=start.version.number,
        )  # fmt: skip
    if because:
        card[updating.UPDATE] = {"trained_anew_because": because}
    return _candidate(
        run, material, folder, kind="next_item", parameters=learned.parameters, peers=peers, card=card
    )


@dataclass(frozen=True, eq=False)
class Learned:
    """A sequence model, and how it came to be. `until` is when the events end that it learned from.

    `neighbour_weight` is what item-item says beside it.
    """

    model: "SequenceRecommender"
    neighbour_weight: float
    parameters: Mapping[str, Any]
    event_types: Sequence[str]
    until: np.datetime64
    card: Mapping[str, Any] = field(default_factory=dict)
    old_test: "updating.OldTest | None" = None


def _begin(run: Run) -> tuple[Material, "updating.Start | None", str]:
    """Return the material, and what to go on from, or a sentence why an update that was asked for cannot."""
    if not run.hyperparameters.get("is_update", False):
        return prepare(run), None, ""
    try:
        start = updating.find_start(run)
        return prepare(run, start=start), start, ""
    except updating.UpdateImpossibleError as reason:
        return prepare(run), None, str(reason)


def _learn(run: Run, material: Material) -> Learned:
    """Learn how long to learn, then learn from all events before the test period."""
    from ecomai.learning.recommenders.sequence import SequenceRecommender
    from ecomai.learning.tensorboard_logs import TensorBoardLogs

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
    run.report(0.6, _("Weighing item-item beside it"))
    weight, blend = _weigh_neighbours(run, material, model)
    event_types = material.dataset.event_types
    if not run.hyperparameters.get("is_refitted", True):
        return Learned(model, weight, parameters, event_types, until=material.valid_start, card=blend)
    # How long to learn is known now; the newest events before the test period join in.
    parameters |= {"max_epochs": model.best_epoch_} if model.best_epoch_ else {}
    model = SequenceRecommender(**parameters, random_state=run.random_state)
    model.fit(
        material.train,
        material.vectors,
        callbacks=[
            ReportTo(Quiet(run, "refit"), start=0.6, end=0.85, message=_("Learning with all events")),
            TensorBoardLogs(run.log_folder / "refit"),
        ],
        checkpoint_folder=run.folder / "refit",
    )
    return Learned(model, weight, parameters, event_types, until=material.test_start, card=blend)


def _weigh_neighbours(
    run: Run, material: Material, model: "SequenceRecommender"
) -> tuple[float, dict[str, Any]]:
    """Return what item-item is to say beside a model that knows no validation case, and what each said."""
    from ecomai.learning.recommenders.blending import NEIGHBOUR_WEIGHTS, choose_weights

    if not len(material.valid):
        return 0.0, {}
    recommenders = {"sequence": model, "neighbours": _neighbours(material.early, material)}
    chosen, ndcg = choose_weights(
        recommenders,
        [{"sequence": 1.0, "neighbours": weight} for weight in NEIGHBOUR_WEIGHTS],
        material.valid_split,
        is_candidate=material.is_offered,
        random_state=run.random_state,
    )
    tried = {f"{weight:g}": round(value, 4) for weight, value in zip(NEIGHBOUR_WEIGHTS, ndcg, strict=True)}
    weight = chosen["neighbours"]
    return weight, {BLEND: {"neighbour_weight": weight, "valid_ndcg@10_by_weight": tried}}


def _neighbours(X: Interactions, material: Material) -> "ItemItemRecommender":
    from ecomai.learning.recommenders.item_item import ItemItemRecommender

    return ItemItemRecommender().fit(X, material.vectors)


def _update(run: Run, material: Material, start: updating.Start) -> Learned:
    """Go on from the live version with the histories that are new, and as many old ones."""
    from ecomai.learning.tensorboard_logs import TensorBoardLogs

    new = updating.new_histories(material.dataset, start.learned_until, material.test_start)
    if not len(new):
        unit = _("customers or sessions that did something since the live version learned")
        raise NotEnoughDataError(have=0, need=1, unit=unit)
    X = start.as_learned(material.train, material.dataset.event_types)
    held_back = updating.old_test(material.dataset, start, material.test_start, random_state=run.random_state)
    new = np.setdiff1d(new, held_back.users)
    old = np.setdiff1d(np.flatnonzero(X.lengths), np.union1d(new, held_back.users))
    model = start.model.partial_fit(
        X.select(new),
        material.vectors,
        replay=X.select(old),
        known_as=start.places_of(material.dataset),
        callbacks=[
            ReportTo(run, start=0.25, end=0.85, message=_("Learning what is new")),
            TensorBoardLogs(run.log_folder / "update"),
        ],
    )
    learned = model.get_params()
    facts = {
        "from_version": start.version.number,
        "n_updates": start.n_updates + 1,
        "n_new_histories": len(new),
        "n_replayed_histories": min(len(new), len(old)),
        "n_held_back": len(held_back.users),
    }
    sizes = {name: learned[name] for name in updating.SIZES}
    card: dict[str, Any] = {updating.UPDATE: facts}
    if blend := start.version.card.get(BLEND):
        card[BLEND] = blend
    return Learned(
        model, start.neighbour_weight, sizes, start.event_types, until=material.test_start, card=card,
        old_test=held_back,
    )  # fmt: skip


def _export_next_item(run: Run, material: Material, learned: Learned) -> Path:
    from ecomai.learning.export import export_next_item

    X = material.dataset.before(learned.until)
    if learned.old_test is not None:
        X = X.select(np.setdiff1d(np.arange(len(X)), learned.old_test.users))
    return export_next_item(
        learned.model,
        fresh(run.folder / "artifact"),
        item_ids=material.item_ids,
        event_types=learned.event_types,
        neighbours=_neighbours(X, material) if learned.neighbour_weight else None,
        neighbour_weight=learned.neighbour_weight,
        text_encoder=material.reader.source,
        encoder_cache=encoder_cache(run, material.reader),
    )


def train_similar_items(run: Run) -> Candidate:
    """Learn which items go together, completed by texts. Judged on: from the last item, which one is next."""
    from ecomai.learning.export import export_similar_items
    from ecomai.learning.recommenders.item_item import ItemItemRecommender

    material = prepare(run, max_history=1)
    parameters = tuning.tune_similar_items(run, material, model_parameters(run))
    callbacks = [ReportTo(run, start=0.3, end=0.85, message=_("Learning"))]
    model = ItemItemRecommender(**parameters).fit(material.train, material.vectors, callbacks=callbacks)
    folder = export_similar_items(
        model,
        fresh(run.folder / "artifact"),
        item_ids=material.item_ids,
        item_vectors=material.vectors,
        text_encoder=material.reader.source,
        encoder_cache=encoder_cache(run, material.reader),
    )
    run.report(0.9, _("Judging"))
    return _candidate(run, material, folder, kind="similar_items", parameters=parameters, peers={}, card={})


# -- material -------------------------------------------------------------------------------------


def prepare(run: Run, *, max_history: int | None = None, start: updating.Start | None = None) -> Material:
    """Freeze, read, split and encode; for an update with the encoder of what it goes on from.

    Raises NotEnoughDataError, EncoderMissingError and UpdateImpossibleError.
    """
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
    if start is not None and start.learned_until > test_start:
        raise updating.UpdateImpossibleError(
            _("The live version has learned from events of the test period.")
        )
    early = dataset.before(valid_start)
    valid = datasets.cases_between(dataset, valid_start, test_start, n_max=MAX_VALIDATED, random_state=seed)
    cases = Split(train=early, histories=valid.histories, targets=valid.targets)
    reader = start.reader if start else _reader_for(run, dataset.texts, cases)
    texts = item_vectors(run, dataset, reader)
    pictures = start.pictures if start else PictureFeatures.in_use(weight=_picture_weight(run))
    return Material(
        snapshot=snapshot,
        dataset=dataset,
        vectors=texts if pictures is None else _with_pictures(texts, pictures, dataset),
        pictures=pictures,
        reader=reader,
        valid_start=valid_start,
        test_start=test_start,
        early=early,
        train=dataset.before(test_start),
        valid=valid,
        test=test if max_history is None else replace(test, histories=test.histories.newest(max_history)),
        is_offered=dataset.is_active,
    )


def frozen(folder: Path, *, cutoff: datetime, event_types: Sequence[str] = ()) -> Snapshot:
    """Return the run's snapshot; a run that goes on after a kill reads what it read before."""
    note = folder / SNAPSHOT_FILE
    if note.exists():
        kept = json.loads(note.read_text(encoding="utf-8"))
        for name in ("window_start", "window_end"):
            kept[name] = datetime.fromisoformat(kept[name]) if kept[name] else None
        return Snapshot(**{**kept, "folder": folder})
    snapshot = freeze(folder, cutoff=cutoff, event_types=event_types or interaction_types())
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


def encoder_cache(run: Run, reader: TextReader) -> Path | None:
    """Where graphs of published encoders are kept for the next training."""
    return run.folder.parent.parent / "encoders" if reader.is_published else None


def _reader_for(run: Run, texts: Sequence[str], cases: Split) -> TextReader:
    """Return the encoder that the run asks for."""
    wishes = Wishes.of(run.hyperparameters)

    def own(model: str, readable: list[str]) -> Made:
        return make_own(run, Quiet(run, "encoder"), wishes, model, readable, cases)

    name = str(run.hyperparameters.get("encoder", ""))
    reader = fit_reader(texts, name=name, make_own=own if wishes.is_any else None)
    if run.hyperparameters.get("encoder_precision") != INT8:
        return reader
    run.report(0.15, _("Making a smaller form of the text encoder"))
    return in_integers(reader, texts, run.folder / "encoder", cache=encoder_cache(run, reader))


def item_vectors(run: Run, dataset: Dataset, reader: TextReader) -> np.ndarray:
    """Return a vector for each item; only texts that this encoder has not read yet are encoded."""
    found = np.zeros((len(dataset.texts), reader.n_features), dtype=np.float32)
    for storefront, rows in dataset.rows_by_storefront().items():
        texts = {dataset.external_ids[row]: dataset.texts[row] for row in rows}
        vectors.store_texts(
            texts, encoder_key=reader.key, storefront=storefront, encode=reader.encode,
            report=lambda share: run.report(0.15 + 0.1 * share, _("Reading the texts of items")),
        )  # fmt: skip
        stored = vectors.stored_vectors(list(texts), encoder_key=reader.key, storefront=storefront)
        for row in rows:
            found[row] = stored[dataset.external_ids[row]]
    return found


def _picture_weight(run: Run) -> float:
    return float(run.hyperparameters.get("encoder_picture_weight", 0.5))


def _with_pictures(texts: np.ndarray, features: PictureFeatures, dataset: Dataset) -> np.ndarray:
    """Return text vectors with the picture vectors of the items that have one beside them."""
    found: dict[int, np.ndarray] = {}
    for storefront, rows in dataset.rows_by_storefront().items():
        ids = [dataset.external_ids[row] for row in rows]
        stored = vectors.stored_vectors(ids, encoder_key=features.key, storefront=storefront)
        found |= {rows[place]: vector for place, vector in by_row(ids, stored).items()}
    return features.join(texts, found)


class Quiet:
    """A run of which another training is a part: it reports progress, and has a curve of its own."""

    def __init__(self, run: Run, curve: str) -> None:
        self.report = run.report
        self.check_cancelled = run.check_cancelled
        self._run = run
        self._curve = curve

    def log(self, step: int, **metrics: float) -> None:
        self._run.log(step, **{f"{self._curve}_{name}": value for name, value in metrics.items()})


def model_parameters(run: Run) -> dict[str, Any]:
    return {name: value for name, value in run.hyperparameters.items() if name not in OTHER_PARAMETERS}


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


# -- judging --------------------------------------------------------------------------------------


def _candidate(
    run: Run, material: Material, folder: Path, *, kind: str, parameters: Mapping[str, Any],
    peers: Mapping[str, Judged], card: Mapping[str, Any],
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
    spread = drift.profile(start=material.snapshot.window_start, end=run.cutoff).as_json()
    vectors.forget_other_encoders(keep=[material.reader.key, *vectors.encoder_keys()])
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
        card={**_card(material, peers), drift.REFERENCE: spread, **card},
    )


def _card(material: Material, peers: Mapping[str, Judged]) -> dict[str, Any]:
    return {
        "intended_use": _(
            "Recommending this shop's items to its own visitors. Not for decisions about people."
        ),
        **material.reader.card,
        **(material.pictures.as_card() if material.pictures else {}),
        "data": datasets.describe(material.dataset),
        "split": {
            "n_test_cases": len(material.test),
            "n_valid_cases": len(material.valid),
            "protocol": "a customer's last step to an item new to the customer, in the latest period",
        },
        "peers": {name: judged.metrics for name, judged in peers.items()},
    }
