"""Trees that order the first texts of a list, by what each has to do with the query."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.pair_columns import COLUMNS, WordFacts, pair_columns
from ecomai.learning.base import Estimator
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.exceptions import InvalidDataError

from .judgements import Judgements, check_judgements

if TYPE_CHECKING:
    from lightgbm import Booster

LEAST_PAIRS = 10
TREES = {
    "objective": "regression", "num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 100,
    "feature_fraction": 0.3, "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0,
    "deterministic": True, "force_row_wise": True, "verbose": -1,
}  # fmt: skip


class PairRanker(Estimator):
    """Grade pairs of a query and a text from words they share, where these stand, and a cosine.

    It is for the order of a list that was found already: it learns from judged pairs alone, and knows
    little of texts that nothing would find.

    Parameters
    ----------
    language : str, default "english"
        Of the stems.
    n_trees : int, default 300
    n_threads : int, default 2
    random_state : int, default 0

    Attributes
    ----------
    facts_ : WordFacts
        How often words are in the catalogue.
    trees_ : str
        As LightGBM writes them.

    References
    ----------
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", 2017.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("facts_", "trees_")

    facts_: dict[str, object]
    trees_: str

    def __init__(
        self, language: str = "english", n_trees: int = 300, n_threads: int = 2, random_state: int = 0
    ) -> None:
        self.language = language
        self.n_trees = n_trees
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str],
        queries: Sequence[str],
        judgements: Judgements,
        *,
        typed: Sequence[str] | None = None,
        cosines: ArrayLike | None = None,
    ) -> Self:
        """Count the words of the texts, and learn the grades.

        Parameters
        ----------
        texts : sequence of n_texts str
            The catalogue.
        queries : sequence of n_queries str
            As they were understood.
        judgements : Judgements
            Of pairs of `queries` and `texts`.
        typed : sequence of n_queries str, optional
            As they were typed.
        cosines : float array of shape (n_pairs,), optional
            Of the vectors of each judged pair.

        Returns
        -------
        PairRanker
            Itself.

        Raises
        ------
        InvalidDataError
            If fewer than 10 pairs were judged, an entry is not a text, or sizes do not fit.
        """
        import lightgbm

        check_texts(texts)
        check_judgements(judgements, len(queries), len(texts))
        if len(judgements.rows) < LEAST_PAIRS:
            raise InvalidDataError(f"At least {LEAST_PAIRS} judged pairs of a query and a text are needed.")
        self.facts_ = WordFacts.of_texts(texts, self.language).as_json()
        self._prepare()
        understood = [queries[row] for row in judgements.rows]
        written = None if typed is None else [typed[row] for row in judgements.rows]
        columns = self.columns(
            understood, [texts[item] for item in judgements.items], typed=written, cosines=cosines
        )
        settings = {**TREES, "num_threads": self.n_threads, "seed": self.random_state}
        known = lightgbm.Dataset(columns, judgements.grades, feature_name=[*COLUMNS, "cosine"])
        self.trees_ = lightgbm.train(settings, known, num_boost_round=self.n_trees).model_to_string()
        self._prepare()
        return self

    def predict(
        self,
        queries: Sequence[str],
        texts: Sequence[str],
        *,
        typed: Sequence[str] | None = None,
        cosines: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Grade pairs.

        Parameters
        ----------
        queries, texts : sequences of n_pairs str
            The first query with the first text, and so on.
        typed, cosines
            As in `fit`, for each pair.

        Returns
        -------
        float32 array of shape (n_pairs,)
            About 0 for useless, about 1 for perfect.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text, or sizes do not fit.
        """
        self.check_is_fitted()
        columns = self.columns(queries, texts, typed=typed, cosines=cosines)
        if self._trees is None or not len(columns):
            return np.empty(0, dtype=np.float32)
        return np.asarray(self._trees.predict(columns, num_threads=self.n_threads), dtype=np.float32)

    def columns(
        self,
        queries: Sequence[str],
        texts: Sequence[str],
        *,
        typed: Sequence[str] | None = None,
        cosines: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Return what the trees look at: (n_pairs, len(COLUMNS) + 1); see `predict`."""
        check_texts(queries)
        check_texts(texts)
        written = queries if typed is None else typed
        near = np.full(len(queries), np.nan) if cosines is None else np.asarray(cosines, dtype=np.float32)
        if not len(queries) == len(texts) == len(written) == len(near):
            raise InvalidDataError("Each pair needs a query and a text, and a cosine where there are some.")
        places: dict[tuple[str, str], list[int]] = {}
        for place, asked in enumerate(zip(queries, written, strict=True)):
            places.setdefault(asked, []).append(place)
        found = np.empty((len(queries), len(COLUMNS) + 1), dtype=np.float32)
        for (query, letters), own in places.items():
            found[own, :-1] = pair_columns(self._facts, query, [texts[place] for place in own], typed=letters)
        found[:, -1] = near
        return found

    def _prepare(self) -> None:
        """Hold counts and trees as objects."""
        import lightgbm

        self._facts = WordFacts(**self.facts_)  # type: ignore[arg-type]
        text = getattr(self, "trees_", None)
        self._trees: Booster | None = lightgbm.Booster(model_str=text) if text else None

    def _load_parts(self, folder: object) -> None:
        self._prepare()
