"""`intent`: what requests want, from all, few and mistyped examples; what they name; what is neither."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.inference.spans import Span

from .phrases import Phrases, Rows, grouped_split, random_split, read_phrases, rows_of
from .values import values_without

#: Examples of each intent, and how often they are drawn.
SHOTS, N_DRAWS = (8, 16), 5
#: Examples of each intent from which it is learned what is out of scope: eleven trainings must be short.
SCOPE_EXAMPLES = 60
#: Those of few examples were tried on rows of the training part; the others are not compared yet.
FULL: dict[str, Any] = {"objective": "cross_entropy", "max_epochs": 2, "min_steps": 0, "held_share": 0.0}
FEW: dict[str, Any] = {"objective": "contrastive", "min_steps": 60, "held_share": 0.0}
SCOPE: dict[str, Any] = {"objective": "cross_entropy", "max_epochs": 2, "min_steps": 0, "held_share": 0.0}
#: scikit-learn's own strength, and the one that was best on the same part.
FROZEN_STRENGTHS = {"frozen_logistic": 1.0, "frozen_logistic_tuned": 10.0}


def intent(
    data: Path,
    *,
    device: str,
    seed: int,
    report: Report,
    hyperparameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure intents, entities and what is out of scope on labelled requests.

    A folder with a CSV of text and label gives `accuracy` on its own split, or on a fifth of components.
    """
    phrases = read_phrases(data)
    trial = Trial(phrases, device, seed, report, dict(hyperparameters or {}))
    if phrases.spans is None:
        return trial.measure_own_split()
    return trial.measure_all()


class Trial:
    """One run: the data, the split, and what is found on it."""

    def __init__(
        self, phrases: Phrases, device: str, seed: int, report: Report, hyperparameters: dict[str, Any]
    ) -> None:
        self.phrases = phrases
        self.device = device
        self.seed = seed
        self.report = report
        self.hyperparameters = hyperparameters
        is_test = phrases.is_test if phrases.is_test is not None else grouped_split(phrases, seed)
        self.learned, self.asked = np.flatnonzero(~is_test), np.flatnonzero(is_test)

    def measure_own_split(self) -> dict[str, Any]:
        self.report(0.1, "frozen encoder and words alone")
        peers = self._peers(self.learned, self.asked, "accuracy")
        self.report(0.4, "all examples")
        model = self._fit(self.learned, {})
        found = {"accuracy": self._accuracy(model, self.asked)}
        return {"metrics": found, "peers": peers, "settings": self._settings(held=model.held_)}

    def measure_all(self) -> dict[str, Any]:
        self.report(0.02, "frozen encoder and words alone")
        peers = self._peers(self.learned, self.asked, "accuracy_grouped")
        self.report(0.06, "all examples")
        model = self._fit(self.learned, FULL)
        found = {"accuracy_grouped": self._accuracy(model, self.asked)}
        typos = self.asked[np.asarray(self.phrases.has_typos)[self.asked]]
        found["accuracy_typos"] = self._accuracy(model, typos)
        is_test = random_split(self.phrases, self.seed)
        self.report(0.16, "all examples of another split")
        found["accuracy_random"] = self._accuracy(
            self._fit(np.flatnonzero(~is_test), FULL), np.flatnonzero(is_test)
        )
        draws = {shots: self._few_shots(shots, 0.26 + 0.2 * place) for place, shots in enumerate(SHOTS)}
        found |= {f"accuracy@{shots}shot": float(np.mean(each)) for shots, each in draws.items()}
        scopes = self._scope(0.66)
        found["out_of_scope_auroc"] = float(np.mean(list(scopes.values())))
        self.report(0.92, "entities")
        found["span_f1"] = self._spans()
        return {
            "metrics": found,
            "peers": peers,
            "settings": self._settings(
                draws={str(shots): each for shots, each in draws.items()}, out_of_scope=scopes,
                full=FULL, few=FEW, scope=SCOPE, scope_examples=SCOPE_EXAMPLES, n_typos=len(typos),
            ),
        }  # fmt: skip

    # -- parts ----------------------------------------------------------------------------------

    def _peers(self, learned: Rows, asked: Rows, name: str) -> dict[str, dict[str, float]]:
        frozen = {"objective": "frozen", "held_share": 0.0}
        found = {
            peer: {name: self._accuracy(self._fit(learned, frozen | {"c": strength}), asked)}
            for peer, strength in FROZEN_STRENGTHS.items()
        }
        said = _tfidf(*self.phrases.at(learned), self.phrases.at(asked)[0])
        found["tfidf"] = {name: _share_equal(said, self.phrases.at(asked)[1])}
        return found

    def _few_shots(self, shots: int, start: float) -> list[float]:
        found = []
        for draw in range(N_DRAWS):
            self.report(start + 0.2 * draw / N_DRAWS, f"{shots} examples of each intent, draw {draw + 1}")
            rows = self._draw(self.learned, shots, self.seed + draw)
            found.append(self._accuracy(self._fit(rows, FEW), self.asked))
        return found

    def _scope(self, start: float) -> dict[str, float]:
        """Return how well requests of a category that was not learned are told from others, by category."""
        from ecomai.learning.metrics.classification import roc_auc

        categories = np.array(self.phrases.categories)
        names, found = sorted(set(categories.tolist())), {}
        for place, name in enumerate(names):
            self.report(start + 0.26 * place / len(names), f"without {name}")
            known = self.learned[categories[self.learned] != name]
            model = self._fit(self._draw(known, SCOPE_EXAMPLES, self.seed), SCOPE)
            is_strange = (categories[self.asked] == name).astype(int)
            found[name] = roc_auc(is_strange, model.strangeness(self.phrases.at(self.asked)[0]))
        return found

    def _spans(self) -> float:
        """Return the F1 of exact spans in the test's texts, of whose values none was ever seen."""
        from ecomai.learning.classifiers.entities import EntityTagger

        spans = self.phrases.spans or []
        texts, _labels = self.phrases.at(self.learned)
        values = values_without(
            {self.phrases.texts[row][span.start : span.end] for row in self.asked for span in spans[row]}
        )
        model = EntityTagger(device=self.device, random_state=self.seed, swap_share=1.0)
        model.fit(texts, [spans[row] for row in self.learned], values=values)
        return span_f1([spans[row] for row in self.asked], model.predict(self.phrases.at(self.asked)[0]))

    def _fit(self, rows: Rows, settings: Mapping[str, Any]) -> Any:
        from ecomai.learning.classifiers.intent import IntentClassifier

        options = {"device": self.device, "random_state": self.seed, **settings, **self.hyperparameters}
        return IntentClassifier(**options).fit(*self.phrases.at(rows))

    def _accuracy(self, model: Any, rows: Rows) -> float:
        texts, labels = self.phrases.at(rows)
        return _share_equal(model.predict(texts), labels)

    def _draw(self, rows: Rows, n: int, seed: int) -> Rows:
        rng = np.random.default_rng(seed)
        by_label = rows_of(self.phrases.at(rows)[1])
        return np.sort(rows[np.concatenate([rng.permutation(each)[:n] for each in by_label.values()])])

    def _settings(self, **more: Any) -> dict[str, Any]:
        return {
            "n_learned": len(self.learned), "n_asked": len(self.asked), "seed": self.seed,
            "hyperparameters": self.hyperparameters, **more,
        }  # fmt: skip


def span_f1(wanted: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> float:
    """Return the F1 of spans whose letters and kind are exactly right, over all texts."""
    n_right = sum(len(set(one) & set(other)) for one, other in zip(wanted, found, strict=True))
    n_all = sum(map(len, wanted)) + sum(map(len, found))
    return 2 * n_right / max(n_all, 1)


def _share_equal(said: Sequence[str], wanted: Sequence[str]) -> float:
    return float(np.mean([one == other for one, other in zip(said, wanted, strict=True)]))


def _tfidf(learned: list[str], labels: list[str], asked: list[str]) -> list[str]:
    """The baseline of public projects on this data: words and pairs of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=4, max_iter=1000)).fit(learned, labels)
    return [str(label) for label in model.predict(asked)]
