"""The items of a search in order, and why each is there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ecomai.commerce.models import Item
from ecomai.serving.predictors.search import SearchPredictor, SearchScores

from ...past import Past
from .index import Index
from .liking import N_HISTORY, PERSONAL_WEIGHT, liking_of

#: Red things are meant by "red mug" as long as the best of them is so good against the best of all.
GOOD_SHARE = 0.7
#: Of an item that is shown for its meaning, and not for its words.
FEW_WORDS = 0.3
RELEVANCE = "relevance"

SENTENCES = {
    "words": gettext_noop("Has “%(words)s”."),
    "corrected": gettext_noop("Has “%(words)s”, which you probably meant."),
    "synonym": gettext_noop("“%(words)s” means the same here."),
    "meaning": gettext_noop("Means something like it."),
    "letters": gettext_noop("Is spelt like it."),
    "taken": gettext_noop("Others who searched for this took it."),
    "personal": gettext_noop("Goes with what you like."),
}


@dataclass(frozen=True)
class Why:
    """One reason why an item was found; `code` is stable."""

    code: str
    words: Sequence[str] = ()

    @property
    def text(self) -> str:
        return _(SENTENCES[self.code]) % {"words": " ".join(self.words)}


@dataclass(frozen=True, eq=False)
class Asked:
    """What is to be searched, and for whom."""

    index: Index
    predictor: SearchPredictor
    storefront: str
    typed: str
    searched: str
    variants: Sequence[str]
    past: Past


class Ranked:
    """Scores in the order of the catalogue."""

    def __init__(self, asked: Asked, scores: SearchScores) -> None:
        self.asked = asked
        self.scores = scores
        self.catalogue = asked.index.catalogue
        self.places = self.catalogue.positions(np.array(scores.item_ids, dtype=np.int64))
        liking = self._liking() if asked.past.history else None
        self.is_personal = liking is not None
        n = len(self.catalogue)
        is_here = self.places >= 0
        at = self.places[is_here]
        self.is_found = np.zeros(n, dtype=bool)
        self.is_found[at] = scores.is_found[is_here]
        self.plain = np.zeros(n)
        self.plain[at] = scores.total[is_here] / max(float(scores.total.max(initial=0)), 1e-9)
        self.fondness = np.zeros(n)
        if liking is not None:
            self.fondness[at] = PERSONAL_WEIGHT * liking[is_here]
        self.total = self.plain + self.fondness
        # Of an item that was replaced by a newer text, the newer one stands later.
        self.row = np.full(n, -1)
        self.row[at] = np.flatnonzero(is_here)

    def _liking(self) -> np.ndarray | None:
        history = list(self.asked.past.history)[-N_HISTORY:]
        at = self.catalogue.positions(history)
        categories = self.catalogue.categories
        return liking_of(
            history, categories[at[at >= 0]].tolist(), self.asked.predictor,
            categories[np.maximum(self.places, 0)].tolist(),
        )  # fmt: skip

    def order(self, mask: np.ndarray, sort: str) -> np.ndarray:
        """Return the places of what may be shown, best first."""
        shown = np.flatnonzero(mask)
        if sort == "newest":
            return shown[np.lexsort((-shown, -self.catalogue.listed[shown]))]
        if sort in ("price", "-price"):
            prices = self.catalogue.prices[shown] * (-1 if sort == "-price" else 1)
            return shown[np.lexsort((-self.total[shown], prices))]  # those without a price come last
        popularity = self.catalogue.popularity[shown]
        return shown[np.lexsort((-shown, -popularity, -np.round(self.total[shown], 6)))]

    def order_first(self, places: np.ndarray, seconds: float) -> np.ndarray:
        """Return places that are in the order of relevance with the first of them in a better one."""
        order, asked, cosines = self.asked.predictor.first_order, self.asked, self.scores.cosines
        if order is None or len(places) < 2 or not asked.searched or self.scores.is_by_meaning:
            return places
        first, shelf = places[: order.n_first], asked.index.shelf.items
        titles = [shelf[key].title if key in shelf else "" for key in self.catalogue.keys[first].tolist()]
        found = order.scores(
            self.scores.query, titles, self.plain[first], typed=asked.typed,
            cosines=cosines[self.row[first]] if cosines.any() else None, seconds=seconds,
        )  # fmt: skip
        self.total[first] = found + self.fondness[first]
        return np.concatenate([first[np.argsort(-self.total[first], kind="stable")], places[len(first) :]])

    def has_good(self, mask: np.ndarray) -> bool:
        """Whether something of these is nearly as good as the best that was found."""
        best = float(self.plain[self.is_found].max(initial=0))
        return bool(mask.any()) and float(self.plain[mask].max()) >= GOOD_SHARE * best

    def why(self, place: int, item: Item) -> list[Why]:
        """Return why an item was found, most telling first."""
        scores, row = self.scores, int(self.row[place])
        predictor, asked = self.asked.predictor, self.asked
        words = predictor.matched_words(asked.searched, str(item.pk))
        is_corrected = asked.searched != asked.typed
        typed = set(predictor.matched_words(asked.typed, str(item.pk))) if is_corrected else set(words)
        found = []
        if own := [word for word in words if word in typed]:
            found.append(Why("words", own))
        if meant := [word for word in words if word not in typed]:
            found.append(Why("corrected", meant))
        if scores.synonym_shares[row] > scores.word_shares[row]:
            found += self._synonym(str(item.pk), words)
        if scores.taken[row] > 0:
            found.append(Why("taken"))
        if scores.cosines[row] > 0 and (not found or scores.word_shares[row] < FEW_WORDS):
            found.append(Why("meaning"))
        if not found:
            found.append(Why("letters"))
        if self.fondness[place] > 0.5 * PERSONAL_WEIGHT:
            found.append(Why("personal"))
        return found

    def _synonym(self, item_id: str, known: Sequence[str]) -> list[Why]:
        for variant in self.scores.variants:
            words = self.asked.predictor.matched_words(variant, item_id)
            if others := [word for word in words if word not in known]:
                return [Why("synonym", others)]
        return []
