"""A row of `search`: the first products of each list, read together with the query by a transformer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecomai.learning.retrieval.cross_encoder import CrossEncoder

from .search_judging import Answers, Metrics, Searches, judge
from .search_order import SHARES, Asked, Grades, reordered

N_READ = 20
#: With fewer there is nothing to learn from.
LEAST_JUDGED = 5000


def reading_row(
    searches: Searches, understood: Sequence[str], chosen: Asked, asked: Asked, *, device: str, seed: int
) -> tuple[Metrics, float] | None:
    """Return what reading adds to the answers to some queries, and how much it counts; None without data.

    It learns from `searches`; queries of `chosen` say how much it counts.
    """
    model = learn_to_read(searches, understood, device=device, seed=seed)
    if model is None:
        return None
    share = choose_reading_share(chosen, read(model, chosen))
    return judge(asked.searches, reordered_first(asked.answers, read(model, asked), share)), share


def learn_to_read(
    searches: Searches, understood: Sequence[str], *, device: str, seed: int
) -> CrossEncoder | None:
    """Fine-tune the shared transformer on judged pairs, once over all; None where there are few."""
    if len(searches.judgements.rows) < LEAST_JUDGED:
        return None
    model = CrossEncoder(max_epochs=1, device=device, random_state=seed)
    return model.fit(understood, searches.titles, searches.judgements)


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
