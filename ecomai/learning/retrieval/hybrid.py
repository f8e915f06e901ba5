"""Search by words, by pieces of words and by meaning, mixed as people's judgements say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.exceptions import InvalidDataError

from .bm25 import BM25Index
from .evidence import COLUMNS, SOURCES, Block, Evidence, new_indices
from .judgements import Judgements, check_judgements, select_queries
from .spelling import SpellingCorrector

if TYPE_CHECKING:
    from lightgbm import Booster

DEFAULT_WEIGHTS = {"stems": 1.0, "trigrams": 1.0, "stem_pairs": 0.3, "vectors": 1.0}
WEIGHTS_TRIED = (0.0, 0.3, 0.6, 1.0, 1.5, 2.0)
LEAST_QUERIES = 50  # with fewer nothing is learned from
#: How much of a query's place comes from the trees; the rest from the mixture.
RANKER_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DEPTH = 100  # of the lists whose recall chooses the weights
# Candidates a query that nobody judged count as useless, but little, for some would be found good.
N_UNJUDGED, UNJUDGED_WEIGHT = 20, 0.1
RANKER = {
    "objective": "regression", "num_leaves": 15, "learning_rate": 0.06, "min_data_in_leaf": 50,
    "feature_fraction": 0.6, "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0,
    "deterministic": True, "force_row_wise": True, "verbose": -1,
}  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """What is known of one query's candidates, and which texts should be found."""

    items: NDArray[np.int64]
    columns: NDArray[np.float32]  # (n_items, len(COLUMNS))
    targets: NDArray[np.int64]

    def mixture(self, weights: dict[str, float]) -> NDArray[np.float32]:
        shares = self.columns[:, len(SOURCES) : 2 * len(SOURCES)]
        mixed: NDArray[np.float32] = shares @ _as_array(weights)
        return mixed

    def recall(self, weights: dict[str, float]) -> float:
        """Return the share of the targets among the first `DEPTH` of the mixture."""
        mixed = self.mixture(weights)
        first = np.argpartition(-mixed, min(DEPTH, len(mixed) - 1))[:DEPTH]
        return float(np.isin(self.targets, self.items[first]).mean())


class HybridSearcher(Estimator):
    """Search a catalogue of texts.

    Two stages. The candidates of a query are the texts with the best mixture of BM25 over stems, over
    pairs of neighbouring stems, and over trigrams of words, which bear misspellings, and the cosine of
    text vectors; each is a share of the query's best. Spelling is corrected first. Gradient-boosted trees
    then order the candidates by those scores and by what query and text share: the last word of the query,
    its numbers, the opening of the text. Weights and trees learn from judgements, such as clicks after
    searches; without them the weights are those that suit most shops, and there are no trees.

    Parameters
    ----------
    language : str, default "english"
        Of the stems.
    n_candidates : int, default 300
        How many texts the trees order.
    n_trees : int, default 200
    valid_share : float in (0, 1), default 0.25
        Of the judged queries, on which weights are chosen; the trees learn from the others.
    max_queries : int, default 5000
        Judged queries that are looked at, to bound the time.
    has_correction : bool, default True
    sources : sequence of str, optional
        Which scores are used, of `SOURCES`. Default: all.
    n_threads : int, default 2
    random_state : int, default 0

    Attributes
    ----------
    weights_ : dict of str to float
        Of each source in the mixture.
    ranker_share_ : float in [0, 1]
        How much the trees count.
    ranker_ : str or None
        The trees, as LightGBM writes them.
    vectors_ : float32 array of shape (n_texts, d)

    References
    ----------
    Bruch, Gai and Ingber, "An analysis of fusion functions for hybrid retrieval", 2023, for the mixture of
    normalised scores; Ke et al., "LightGBM", 2017.

    Examples
    --------
    >>> searcher = HybridSearcher().fit(["red mug", "kitchen faucet", "desk lamp"])
    >>> searcher.search(["kichen fausets"], n=1)[0]
    array([[1]])
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("vectors_",)
    learned_values: ClassVar[tuple[str, ...]] = ("weights_", "ranker_share_", "ranker_", "n_texts_")

    vectors_: NDArray[np.float32]
    ranker_: str | None

    def __init__(
        self,
        language: str = "english",
        n_candidates: int = 300,
        n_trees: int = 200,
        valid_share: float = 0.25,
        max_queries: int = 5000,
        has_correction: bool = True,
        sources: Sequence[str] | None = None,
        n_threads: int = 2,
        random_state: int = 0,
    ) -> None:
        self.language = language
        self.n_candidates = n_candidates
        self.n_trees = n_trees
        self.valid_share = valid_share
        self.max_queries = max_queries
        self.has_correction = has_correction
        self.sources = sources
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str],
        vectors: ArrayLike | None = None,
        *,
        queries: Sequence[str] = (),
        query_vectors: ArrayLike | None = None,
        judgements: Judgements | None = None,
    ) -> Self:
        """Index the texts, and learn from judged queries where there are any.

        Parameters
        ----------
        texts : sequence of n_texts str
        vectors : float array of shape (n_texts, d), optional
            Of length 1, from a text encoder.
        queries : sequence of n_queries str, default ()
            What people searched for.
        query_vectors : float array of shape (n_queries, d), optional
            Of the queries by the same encoder.
        judgements : Judgements, optional
            Of pairs of `queries` and `texts`.

        Returns
        -------
        HybridSearcher
            Itself.

        Raises
        ------
        InvalidDataError
            If there is no text, an entry is not a text, a source does not exist, vectors have the wrong
            shape, or judgements are of queries or texts that are not there.
        """
        check_texts(queries)
        unknown = set(self.sources or ()) - set(SOURCES)
        if unknown:
            raise InvalidDataError(f"There is no source {', '.join(sorted(unknown))}.")
        self.vectors_ = _as_vectors(vectors, len(texts), width=None)
        self.n_texts_ = len(texts)
        self.evidence = Evidence.fit(texts, self.vectors_, language=self.language)
        self.corrector = SpellingCorrector(language=self.language).fit(texts, queries)
        self.weights_ = {source: DEFAULT_WEIGHTS[source] for source in self._used_sources}
        self.ranker_share_, self.ranker_ = 0.0, None
        self._prepare()
        if judgements is not None:
            self._learn(queries, _as_vectors(query_vectors, len(queries), self.vectors_.shape[1]), judgements)
        return self

    @property
    def _used_sources(self) -> list[str]:
        has_vectors = self.vectors_.shape[1] > 0
        named = SOURCES if self.sources is None else self.sources
        return [source for source in named if source != "vectors" or has_vectors]

    def corrected(self, queries: Sequence[str]) -> list[str]:
        """Return queries as they were probably meant; what their vectors should be made of.

        Parameters
        ----------
        queries : sequence of n_queries str

        Returns
        -------
        list of n_queries str
        """
        self.check_is_fitted()
        check_texts(queries)
        return [self.corrector.correct(query) for query in queries] if self.has_correction else list(queries)

    def search(
        self, queries: Sequence[str], query_vectors: ArrayLike | None = None, *, n: int = 10
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the best texts of each query.

        Parameters
        ----------
        queries : sequence of n_queries str
            As they were typed.
        query_vectors : float array of shape (n_queries, d), optional
            Of `corrected(queries)`. Default: the other sources answer.
        n : int, default 10
            How many texts, at most `n_candidates` of which are ordered by the trees.

        Returns
        -------
        items : int64 array of shape (n_queries, n)
            Best first; -1 where fewer texts have anything to do with the query.
        scores : float32 array of shape (n_queries, n)
            Comparable within a query; -inf where there is no item.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text, or vectors have the wrong shape.
        """
        items = np.full((len(queries), n), -1, dtype=np.int64)
        scores = np.full((len(queries), n), -np.inf, dtype=np.float32)
        for block in self._blocks(queries, query_vectors):
            found, values = self._ranked(block, max(n, self.n_candidates))
            rows = slice(block.start, block.start + len(found))
            width = min(n, found.shape[1])
            items[rows, :width], scores[rows, :width] = found[:, :width], values[:, :width]
        return items, scores

    def pair_scores(
        self,
        queries: Sequence[str],
        rows: NDArray[np.int64],
        items: NDArray[np.int64],
        query_vectors: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Return the scores of given pairs, for lists that are chosen otherwise.

        Parameters
        ----------
        queries, query_vectors
            As in `search`.
        rows, items : int64 arrays of shape (n_pairs,)
            Positions of the query and of the text.

        Returns
        -------
        float32 array of shape (n_pairs,)
            Those of `search`.
        """
        scores = np.empty(len(rows), dtype=np.float32)
        for block in self._blocks(queries, query_vectors):
            places = np.flatnonzero((rows >= block.start) & (rows < block.start + len(block.pieces)))
            own_rows, own_items = rows[places] - block.start, items[places]
            mixed = self._mixture(block)[own_rows, own_items]
            scores[places] = self._scores(block, own_rows, own_items, mixed)
        return scores

    def _blocks(self, queries: Sequence[str], query_vectors: ArrayLike | None) -> Iterator[Block]:
        self.check_is_fitted()
        check_texts(queries)
        vectors = _as_vectors(query_vectors, len(queries), self.vectors_.shape[1])
        return self.evidence.blocks(self.corrected(queries), queries, vectors)

    def _mixture(self, block: Block) -> NDArray[np.float32]:
        """Return the mixture of all sources, from 0 to 1: (n_queries, n_texts)."""
        mixed: NDArray[np.float32] = np.tensordot(_as_array(self.weights_), block.shares, axes=1)
        return mixed

    def _scores(
        self, block: Block, rows: NDArray[np.int64], items: NDArray[np.int64], mixed: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the mixture of pairs together with the grades that the trees expect."""
        share = self.ranker_share_
        if share == 0 or len(rows) == 0:
            return mixed
        return (1 - share) * mixed + share * self._expected_grades(self.evidence.columns(block, rows, items))

    def _expected_grades(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._trees is None:
            return np.zeros(len(columns), dtype=np.float32)
        return np.asarray(self._trees.predict(columns, num_threads=self.n_threads), dtype=np.float32)

    def _ranked(self, block: Block, n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the candidates of each query in order, and their scores: (n_queries, n)."""
        found, mixed = _top(self._mixture(block), n)
        rows = np.repeat(np.arange(len(found)), found.shape[1])
        scores = self._scores(block, rows, found.ravel(), mixed.ravel()).reshape(found.shape)
        scores = np.where(mixed > 0, scores, -np.inf).astype(np.float32)
        order = np.argsort(-scores, axis=1, kind="stable")
        found, scores = np.take_along_axis(found, order, axis=1), np.take_along_axis(scores, order, axis=1)
        return np.where(np.isfinite(scores), found, -1), scores

    # -- learning -------------------------------------------------------------------------------

    def _learn(
        self, queries: Sequence[str], query_vectors: NDArray[np.float32], judgements: Judgements
    ) -> None:
        """Choose the weights on some queries, grow the trees on the others, and choose their share."""
        check_judgements(judgements, len(queries), self.n_texts_)
        rng = np.random.default_rng(self.random_state)
        drawn = rng.permutation(np.unique(judgements.rows))[: self.max_queries]
        if len(drawn) < LEAST_QUERIES:
            return
        n_valid = max(int(len(drawn) * self.valid_share), 1)
        kept = self._keep(*select_queries(queries, query_vectors, judgements, drawn[:n_valid]))
        self._choose_weights(kept)
        self._grow(*select_queries(queries, query_vectors, judgements, drawn[n_valid:]), rng)
        self._choose_share(kept)

    def _keep(
        self, queries: Sequence[str], query_vectors: NDArray[np.float32], judgements: Judgements
    ) -> list["Kept"]:
        """Return the texts that any source puts among its best, for each query that has a good one."""
        kept = []
        for block in self._blocks(queries, query_vectors):
            own = judgements.of(block.start, len(block.pieces))
            best = np.concatenate([_top(scores, self.n_candidates)[0] for scores in block.scores], axis=1)
            for row in range(len(best)):
                targets = own.items[(own.rows == row) & (own.grades >= own.good)]
                if len(targets):
                    items = np.unique(best[row])
                    columns = self.evidence.columns(block, np.full(len(items), row), items)
                    kept.append(Kept(items, columns, targets))
        return kept

    def _choose_weights(self, kept: Sequence["Kept"]) -> None:
        """Try one weight after the other while the others stay, until a round changes nothing."""
        used = self._used_sources
        best, best_recall = dict(self.weights_), _mean_recall(kept, self.weights_)
        while True:
            before = dict(best)
            for source in used:
                for weight in WEIGHTS_TRIED:
                    tried = {**best, source: weight}
                    found = _mean_recall(kept, tried)
                    if found > best_recall:
                        best, best_recall = tried, found
            if best == before:
                break
        self.weights_ = best

    def _grow(
        self,
        queries: Sequence[str],
        query_vectors: NDArray[np.float32],
        judgements: Judgements,
        rng: np.random.Generator,
    ) -> None:
        """Learn grades of pairs; some candidates that nobody judged count as useless."""
        import lightgbm

        columns, grades, weights = [], [], []
        for block in self._blocks(queries, query_vectors):
            own = judgements.of(block.start, len(block.pieces))
            found, _ = _top(self._mixture(block), self.n_candidates)
            drawn = rng.integers(0, found.shape[1], size=(len(found), N_UNJUDGED))
            others = np.take_along_axis(found, drawn, axis=1)
            rows = np.repeat(np.arange(len(found)), N_UNJUDGED)
            keys = rows * self.n_texts_ + others.ravel()
            is_new = ~np.isin(keys, own.rows * self.n_texts_ + own.items)
            pairs = (
                np.concatenate([own.rows, rows[is_new]]),
                np.concatenate([own.items, others.ravel()[is_new]]),
            )
            columns.append(self.evidence.columns(block, *pairs))
            grades.append(np.concatenate([own.grades, np.zeros(is_new.sum(), dtype=np.float32)]))
            weights.append(np.repeat([1.0, UNJUDGED_WEIGHT], [len(own.rows), is_new.sum()]))
        settings = {**RANKER, "num_threads": self.n_threads, "seed": self.random_state}
        known = lightgbm.Dataset(
            np.concatenate(columns),
            np.concatenate(grades),
            weight=np.concatenate(weights),
            feature_name=list(COLUMNS),
        )
        self.ranker_ = lightgbm.train(settings, known, num_boost_round=self.n_trees).model_to_string()
        self._prepare()

    def _choose_share(self, kept: Sequence["Kept"]) -> None:
        """Take the share of the trees with the best recall at 10 and at 100 together."""
        gains = np.zeros(len(RANKER_SHARES))
        for each in kept:
            mixed = each.mixture(self.weights_)
            best = np.argsort(-mixed, kind="stable")[: self.n_candidates]
            trees = self._expected_grades(each.columns[best])
            for place, share in enumerate(RANKER_SHARES):
                together = (1 - share) * mixed[best] + share * trees
                order = each.items[best][np.argsort(-together, kind="stable")]
                gains[place] += sum(np.isin(each.targets, order[:k]).mean() for k in (10, DEPTH))
        self.ranker_share_ = RANKER_SHARES[int(np.argmax(gains))]

    def _prepare(self) -> None:
        """Hold the trees as an object, for scoring."""
        self._trees: Booster | None = None
        if self.ranker_ is not None:
            import lightgbm

            self._trees = lightgbm.Booster(model_str=self.ranker_)

    def _save_parts(self, folder: Path) -> None:
        for name, index in self.evidence.indices.items():
            index.save(folder / name)
        self.corrector.save(folder / "spelling")

    def _load_parts(self, folder: Path) -> None:
        indices = {name: BM25Index.load(folder / name) for name in new_indices(self.language)}
        self.evidence = Evidence(indices, self.vectors_)
        self.corrector = SpellingCorrector.load(folder / "spelling")
        self._prepare()


def _as_array(weights: dict[str, float]) -> NDArray[np.float32]:
    """Return the weights in the order of the sources, as shares of their sum."""
    found = np.array([weights.get(source, 0.0) for source in SOURCES], dtype=np.float32)
    return found / max(float(found.sum()), 1e-9)


def _mean_recall(kept: Sequence[Kept], weights: dict[str, float]) -> float:
    return float(np.mean([each.recall(weights) for each in kept])) if kept else 0.0


def _top(scores: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the columns of the greatest scores of each row, best first, and those scores."""
    n = min(n, scores.shape[1])
    found = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    best = np.take_along_axis(scores, found, axis=1)
    order = np.lexsort((found, -best), axis=1)
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(best, order, axis=1)


def _as_vectors(vectors: ArrayLike | None, n: int, width: int | None) -> NDArray[np.float32]:
    """Return vectors as an array; zeros where there are none."""
    if vectors is None:
        return np.zeros((n, width or 0), dtype=np.float32)
    found = np.asarray(vectors, dtype=np.float32)
    if found.ndim != 2 or len(found) != n or (width is not None and found.shape[1] != width):
        raise InvalidDataError(
            f"Vectors of shape {found.shape} do not fit {n} texts of {width or 'any'} features."
        )
    if not np.isfinite(found).all():
        raise InvalidDataError("A vector holds what is not a number.")
    return found
