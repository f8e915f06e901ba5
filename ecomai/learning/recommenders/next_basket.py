"""What the next basket holds: what the customer takes again, and what is new to them, in one ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.callbacks import Callback, raise_if_stopped
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split, split_first_basket

from .base import USERS_AT_ONCE, Recommender, check_training_data
from .basket_features import COLUMNS, PairColumns, Pairs, item_columns, make_recommenders, with_ages
from .own_frequency import OwnFrequencyRecommender

if TYPE_CHECKING:
    from lightgbm import Booster

LEAST_TARGETS = 50  # fewer teach a ranker nothing
# Most candidates that are new to a user are not taken: so many are looked at, and count for the others.
NEGATIVE_SHARE = 0.15
RANKER = {
    "objective": "binary", "min_data_in_leaf": 100, "feature_fraction": 0.5, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 5.0, "max_bin": 127, "deterministic": True, "force_row_wise": True,
    "verbose": -1,
}  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Pairs of a user and an item, and whether the user's next basket held the item."""

    columns: NDArray[np.float32]  # (n_examples, len(COLUMNS))
    is_own: NDArray[np.bool_]
    is_target: NDArray[np.bool_]
    weights: NDArray[np.float32]


class NextBasketRecommender(Recommender):
    """Rank the catalogue for a customer's next basket.

    Two stages. Candidates are the user's own items and the best of several scores: popularity, item-item,
    sequential rules, matrix factorisation, texts. Each pair of a user and a candidate has columns: how
    often and how lately the user took it, how it sells and how that changes, how owners and others take
    to it, what the user's baskets are like, and those scores. Two gradient-boosted rankers turn them into
    probabilities: one for what the user takes again, one for what is new to the user, which are different
    questions. They learn from the past: at several cuts everything is computed from what is older, and
    the targets are each user's first basket since. With too little data for that, the user's own
    frequencies answer.

    Events of one user at one time are a basket; without ages each event is one. The ages of `fit` and of
    histories count from the same moment.

    Parameters
    ----------
    n_folds : int, default 8
        How many cuts there are to learn from.
    fold_days : float, default 14.0
        Days from one cut to the next.
    horizon_days : float, default 56.0
        A basket that comes later than this after a cut is no target.
    n_candidates : int, default 100
        How many items each score proposes.
    n_trees, n_leaves : int, default 200 and 15
        Size of each ranker.
    learning_rate : float, default 0.06
    left_out : sequence of str, optional
        Columns whose names begin with one of these are not learned from; to see what a group brings.
    n_threads : int, default 2
    random_state : int, default 0

    Attributes
    ----------
    item_columns_ : float32 array of shape (n_items, n_columns)
        What the shop knows of each item.
    item_vectors_ : float32 array of shape (n_items, n_features)
        As given to `fit`; without texts, no column.
    own_ranker_, new_ranker_ : str or None
        Trees as LightGBM writes them; None where there was too little to learn from.

    References
    ----------
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", 2017; Li, Jullien, Ariannezhad
    and de Rijke, "A next basket recommendation reality check", 2023, for repeats and new items apart.

    Examples
    --------
    >>> model = NextBasketRecommender().fit([[0, 1, 0], [1, 2]])
    >>> int(model.recommend([[2, 2, 0]], n=1)[0][0, 0])
    2
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("item_columns_", "item_vectors_")
    learned_values: ClassVar[tuple[str, ...]] = ("n_items_", "own_ranker_", "new_ranker_")

    def __init__(
        self,
        n_folds: int = 8,
        fold_days: float = 14.0,
        horizon_days: float = 56.0,
        n_candidates: int = 100,
        n_trees: int = 200,
        n_leaves: int = 15,
        learning_rate: float = 0.06,
        left_out: Sequence[str] | None = None,
        n_threads: int = 2,
        random_state: int = 0,
    ) -> None:
        self.n_folds = n_folds
        self.fold_days = fold_days
        self.horizon_days = horizon_days
        self.n_candidates = n_candidates
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.left_out = left_out
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn at several cuts; see `Recommender.fit`. Validation cases are not used."""
        X = with_ages(check_training_data(X, item_vectors))
        vectors = np.empty((X.n_items, 0), dtype=np.float32) if item_vectors is None else item_vectors
        folds = []
        for fold in range(1, self.n_folds + 1):
            raise_if_stopped(callbacks)
            folds.append(self._examples(X, vectors, age_days=fold * self.fold_days))
            for callback in callbacks:
                callback.on_progress(0.7 * fold / self.n_folds)
        own, new = (self._learn([_only(fold, is_own) for fold in folds]) for is_own in (True, False))
        columns = self._fit_columns(X, vectors)
        self.n_items_ = X.n_items
        self.item_columns_, self.item_vectors_ = columns.items, vectors
        # One ranker alone could not be compared with anything.
        self.own_ranker_, self.new_ranker_ = (None, None) if own is None or new is None else (own, new)
        self.recommenders = columns.recommenders
        self.own_frequency = OwnFrequencyRecommender(basket_decay=1.0, popularity_half_life_days=14.0).fit(X)
        self._prepare()
        return self

    def _fit_columns(self, X: Interactions, vectors: NDArray[np.float32]) -> PairColumns:
        recommenders = {name: model.fit(X) for name, model in make_recommenders(self.random_state).items()}
        return PairColumns(recommenders, item_columns(X), vectors, self.n_candidates)

    def _examples(self, X: Interactions, vectors: NDArray[np.float32], *, age_days: float) -> Examples:
        """Return what users with a basket since the cut might have taken; columns know only what is older."""
        split = split_first_basket(X, age_days=age_days, horizon_days=self.horizon_days, min_history=0)
        columns = self._fit_columns(split.train, vectors)
        rng = np.random.default_rng(self.random_state)
        parts = [_NO_EXAMPLES]
        for start in range(0, len(split.histories), USERS_AT_ONCE):
            rows = np.arange(start, min(start + USERS_AT_ONCE, len(split.histories)))
            pairs = columns.pairs(split.histories.select(rows))
            targets = split.targets.select(rows)
            is_target = np.isin(
                pairs.users * X.n_items + pairs.items, targets.users * X.n_items + targets.items
            )
            parts.append(_sample(pairs, is_target, rng))
        return _concatenate(parts)

    def _learn(self, folds: Sequence[Examples]) -> str | None:
        """Return trees that tell the probability that an item is taken."""
        import lightgbm

        examples = _concatenate(folds)
        if examples.is_target.sum() < LEAST_TARGETS or examples.is_target.all():
            return None
        known = lightgbm.Dataset(
            examples.columns[:, self._used_columns()],
            examples.is_target.astype(np.float32),
            weight=examples.weights,
        )
        settings = {
            "num_leaves": self.n_leaves, "learning_rate": self.learning_rate,
            "num_threads": self.n_threads, "seed": self.random_state,
        }  # fmt: skip
        return lightgbm.train({**RANKER, **settings}, known, num_boost_round=self.n_trees).model_to_string()

    def _used_columns(self) -> list[int]:
        return [
            place for place, name in enumerate(COLUMNS) if not name.startswith(tuple(self.left_out or ()))
        ]

    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        histories = with_ages(histories)
        own = self.own_frequency.scores(histories)
        if self._own_trees is None or self._new_trees is None:
            return own
        # Below every probability, what is no candidate keeps the order of the own frequencies.
        scores = own / (1 + own) - 1
        pairs = self._columns.pairs(histories)
        used = self._used_columns()
        for trees, rows in ((self._own_trees, pairs.is_own), (self._new_trees, ~pairs.is_own)):
            if rows.any():
                taken = np.asarray(trees.predict(pairs.columns[rows][:, used], num_threads=self.n_threads))
                scores[pairs.users[rows], pairs.items[rows]] = taken
        return scores

    def _prepare(self) -> None:
        """Hold columns and trees as objects, for scoring."""
        self._columns = PairColumns(
            self.recommenders, self.item_columns_, self.item_vectors_, self.n_candidates
        )
        self._own_trees, self._new_trees = _trees(self.own_ranker_), _trees(self.new_ranker_)

    def _save_parts(self, folder: Path) -> None:
        for name, model in {**self.recommenders, "own_frequency": self.own_frequency}.items():
            model.save(folder / name)

    def _load_parts(self, folder: Path) -> None:
        self.recommenders = {
            name: type(model).load(folder / name)
            for name, model in make_recommenders(self.random_state).items()
        }
        self.own_frequency = OwnFrequencyRecommender.load(folder / "own_frequency")
        self._prepare()

    own_ranker_: str | None
    new_ranker_: str | None


_NO_EXAMPLES = Examples(
    np.empty((0, len(COLUMNS)), np.float32), np.empty(0, bool), np.empty(0, bool), np.empty(0, np.float32)
)


def _sample(pairs: Pairs, is_target: NDArray[np.bool_], rng: np.random.Generator) -> Examples:
    """Keep own items, targets and a share of the rest, which weighs for all of it."""
    is_kept = pairs.is_own | is_target | (rng.random(len(is_target)) < NEGATIVE_SHARE)
    weights = np.where(pairs.is_own | is_target, 1, 1 / NEGATIVE_SHARE)[is_kept]
    return Examples(
        pairs.columns[is_kept], pairs.is_own[is_kept], is_target[is_kept], weights.astype(np.float32)
    )


def _only(examples: Examples, is_own: bool) -> Examples:
    rows = examples.is_own == is_own
    return Examples(
        examples.columns[rows], examples.is_own[rows], examples.is_target[rows], examples.weights[rows]
    )


def _concatenate(parts: Sequence[Examples]) -> Examples:
    return Examples(
        np.concatenate([part.columns for part in parts]),
        np.concatenate([part.is_own for part in parts]),
        np.concatenate([part.is_target for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def _trees(text: str | None) -> "Booster | None":
    import lightgbm

    return None if text is None else lightgbm.Booster(model_str=text)
