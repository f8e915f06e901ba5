"""Updates: a training that goes on from the live version's network with what is new since it learned."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _

from ecomai.registry.models import ModelVersion
from ecomai.registry.runs import Run

from ..datasets import Cases, Dataset, cases_between
from ..pipeline import predictors
from ..scenario import next_item
from . import text_readers
from .judging import judge_predictor
from .picture_features import PictureFeatures

if TYPE_CHECKING:
    from ecomai.learning.interactions import Interactions
    from ecomai.learning.recommenders.sequence import SequenceRecommender

#: In a version's card: the moment before which all was learned from, and how often it was updated.
LEARNED_UNTIL, UPDATE = "learned_until", "update"
#: What makes a network another one; an update cannot change it.
SIZES = ("dim", "n_layers", "n_heads", "max_length", "has_context")
#: What makes text vectors others.
ENCODER_OPTIONS = tuple(name for name in next_item.default_hyperparameters if name.startswith("encoder"))


#: So many of the people of the live version's test period are held back from an update, to judge it on; where
#: that is too few to say anything, some more, but not so many that the update lacks them.
SHARE_HELD_BACK, MOST_HELD_BACK = 0.1, 1000
ENOUGH_HELD_BACK, LARGEST_SHARE_HELD_BACK = 60, 0.3


class UpdateImpossibleError(Exception):
    """Why a training must begin anew: a sentence for the version's card."""


@dataclass(frozen=True, eq=False)
class Start:
    """The live version as an update goes on from it."""

    version: ModelVersion
    folder: Path
    model: "SequenceRecommender"
    item_ids: list[str]
    event_types: list[str]
    neighbour_weight: float
    learned_until: np.datetime64

    @property
    def reader(self) -> text_readers.TextReader:
        return text_readers.reader_of(self.folder, self.version.card)

    @property
    def pictures(self) -> PictureFeatures | None:
        return PictureFeatures.of_card(self.version.card)

    @property
    def n_updates(self) -> int:
        """How many updates lie between it and a training from the beginning."""
        return int(self.version.card.get(UPDATE, {}).get("n_updates", 0))

    def places_of(self, dataset: Dataset) -> np.ndarray:
        """Return the position that each item had when the version learned, -1 for one that came since."""
        places = {item_id: place for place, item_id in enumerate(self.item_ids)}
        return np.array([places.get(item_id, -1) for item_id in dataset.item_keys.astype(str)])

    def as_learned(self, X: "Interactions", event_types: list[str]) -> "Interactions":
        """Give types of events the numbers that the network learned; others it does not know."""
        if X.types is None or not self.model.has_context:
            return X
        numbers = {type: number for number, type in enumerate(self.event_types)}
        unknown = len(numbers)
        known = np.array([numbers.get(type, unknown) for type in event_types], dtype=np.int64)
        return replace(X, types=known[X.types])


def find_start(run: Run) -> Start:
    """Return what an update goes on from. Raises UpdateImpossibleError."""
    from ecomai.learning.exceptions import FormatVersionError
    from ecomai.learning.export import load_next_item

    if run.search is not None:
        raise UpdateImpossibleError(_("A search tries trainings from the beginning."))
    folder = run.live_artifact()
    version = run.compared_with
    if folder is None or version is None:
        raise UpdateImpossibleError(_("No version serves whose files can be read."))
    try:
        model, item_ids = load_next_item(folder, random_state=run.random_state, device="auto")
    except (FileNotFoundError, FormatVersionError):
        raise UpdateImpossibleError(
            _("The live version was stored without a network to go on from.")
        ) from None
    if LEARNED_UNTIL not in version.card:
        raise UpdateImpossibleError(_("It is not known until when the live version learned."))
    _check_is_alike(run.hyperparameters, model.get_params(), version)
    described = json.loads((folder / "predictor.json").read_text(encoding="utf-8"))
    learned_until = datetime.fromisoformat(version.card[LEARNED_UNTIL])
    return Start(
        version=version, folder=folder, model=model, item_ids=item_ids,
        event_types=described["event_types"],
        neighbour_weight=described.get("neighbour_weight", 0.0),
        learned_until=np.datetime64(learned_until.astimezone(UTC).replace(tzinfo=None), "us"),
    )  # fmt: skip


def _check_is_alike(asked: Mapping[str, Any], learned: Mapping[str, Any], version: ModelVersion) -> None:
    """Raise UpdateImpossibleError where another network or other text vectors are asked for.

    Who leaves a size as it is by default wants that of the live version, which a search may have found.
    """
    defaults = next_item.default_hyperparameters
    asked = {**defaults, **asked}
    pairs = [(name, asked[name], learned[name]) for name in SIZES if asked[name] != defaults[name]]
    pairs += [
        (name, asked[name], version.hyperparameters.get(name, defaults[name])) for name in ENCODER_OPTIONS
    ]
    for name, wanted, known in pairs:
        if wanted != known:
            raise UpdateImpossibleError(
                _("The live version was trained with %(name)s %(known)s, not %(wanted)s.")
                % {"name": name, "known": json.dumps(known), "wanted": json.dumps(wanted)}
            )
    name = text_readers.name_of(str(asked["encoder"]))
    if not str(version.card.get(predictors.ENCODER_KEY, "")).startswith(text_readers.key_prefix(name)):
        raise UpdateImpossibleError(_("The live version reads texts with another encoder."))


def new_histories(dataset: Dataset, since: np.datetime64, until: np.datetime64) -> np.ndarray:
    """Return the users who did something in a period."""
    is_new = (dataset.times >= since) & (dataset.times < until)
    return np.unique(dataset.interactions.users[is_new])


@dataclass(frozen=True, eq=False)
class OldTest:
    """People whose past an update never learns from, to see whether it forgets: neither did its parent."""

    users: np.ndarray  # (n_users,) positions in the dataset
    cases: Cases


def old_test(dataset: Dataset, start: Start, until: np.datetime64, *, random_state: int) -> OldTest:
    """Hold back a part of the people of the time that the live version was judged on.

    That time came right after what the live version learned, so it shows the habits of then; what comes
    in later may be of other habits.
    """
    end = start.version.window_end or start.version.created_at
    stop = min(np.datetime64(end.astimezone(UTC).replace(tzinfo=None), "us"), until)
    people = new_histories(dataset, start.learned_until, stop)
    n = max(SHARE_HELD_BACK * len(people), min(ENOUGH_HELD_BACK, LARGEST_SHARE_HELD_BACK * len(people)))
    n = min(MOST_HELD_BACK, int(n))
    users = np.sort(np.random.default_rng(random_state).permutation(people)[:n])
    cases = cases_between(
        dataset, start.learned_until, stop, n_max=MOST_HELD_BACK, random_state=random_state, among=users
    )
    return OldTest(users, cases)


def measure_forgetting(
    before: Any, after: Any, test: OldTest, dataset: Dataset, is_offered: np.ndarray, *, from_version: int
) -> dict[str, Any]:
    """Return how both versions do on the old cases, as they serve; nothing where there are none."""
    if not len(test.cases):
        return {}
    metric = next_item.primary_metric
    judged = [
        judge_predictor(predictor, dataset, test.cases, {}, is_offered).metrics[metric]
        for predictor in (before, after)
    ]
    return {
        "metric": metric, "before": judged[0], "after": judged[1], "n_cases": len(test.cases),
        "from_version": from_version,
    }  # fmt: skip


def as_text(moment: np.datetime64) -> str:
    return moment.astype("datetime64[us]").item().replace(tzinfo=UTC).isoformat()
