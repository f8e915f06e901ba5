"""The last step of `search`: a transformer reads the first products of each list together with the query."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecomai.learning.retrieval.cross_encoder import CrossEncoder

from .search_judging import Answers, Searches, judge
from .search_order import SHARES, Asked, Grades, reordered

READ = "and_cross_encoder"
N_READ = 20
#: With fewer there is nothing to learn from.
LEAST_JUDGED = 5000
#: For learning alone.
MOST_MINUTES = 30.0


@dataclass(frozen=True)
class Reader:
    """A transformer that learned to grade pairs, and how much it counts beside the order there was."""

    model: CrossEncoder
    share: float

    def order(self, asked: Asked) -> Answers:
        """Return the same lists, their first products in another order."""
        return reordered_first(asked.answers, read(self.model, asked), self.share)


def learn_reader(
    searches: Searches, understood: Sequence[str], chosen: Asked, *, device: str, seed: int
) -> Reader | None:
    """Learn from all judged pairs, for some minutes; None where there are few.

    Queries of `chosen`, from which nothing was learned, say how much it counts.
    """
    if len(searches.judgements.rows) < LEAST_JUDGED:
        return None
    model = CrossEncoder(max_minutes=MOST_MINUTES, device=device, random_state=seed)
    model.fit(understood, searches.titles, searches.judgements)
    return Reader(model, choose_reading_share(chosen, read(model, chosen)))


def read(model: CrossEncoder, asked: Asked) -> Grades:
    """Grade the first products of each list, and the judged ones."""
    first, known = asked.answers.ranked[:, :N_READ], asked.searches.judgements
    is_listed = first >= 0
    rows = np.concatenate([np.nonzero(is_listed)[0], known.rows])
    items = np.concatenate([first[is_listed], known.items])
    titles = asked.searches.titles
    found = model.predict([asked.understood[row] for row in rows], [titles[item] for item in items])
    listed = np.zeros(first.shape, dtype=np.float32)
    listed[is_listed] = found[: int(is_listed.sum())]
    return Grades(listed, found[int(is_listed.sum()) :])


def reordered_first(answers: Answers, grades: Grades, share: float) -> Answers:
    """Return the same lists, with the products that were read in another order before the rest."""
    n = grades.listed.shape[1]
    first = reordered(Answers(answers.ranked[:, :n], answers.judged, answers.scores[:, :n]), grades, share)
    return replace(
        first,
        ranked=np.concatenate([first.ranked, answers.ranked[:, n:]], axis=1),
        scores=np.concatenate([first.scores, answers.scores[:, n:]], axis=1),
    )


def choose_reading_share(asked: Asked, grades: Grades) -> float:
    """Return the share with the best order of judged products that loses no recall at 10."""
    found = {share: judge(asked.searches, reordered_first(asked.answers, grades, share)) for share in SHARES}
    allowed = [share for share in SHARES if found[share]["recall@10"] >= found[0.0]["recall@10"]]
    return max(allowed, key=lambda share: found[share]["ndcg@10"])
