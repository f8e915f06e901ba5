"""What a text wants: one of a shop's intents, or none of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.intents import KNOWN_SCRIPT, OTHER_SCRIPT, IntentHead, softmax
from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import seeded
from ecomai.learning.encoders.adapters import build_network
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.encoders.pretrained import DEFAULT_MODEL, PretrainedTextEncoder
from ecomai.learning.encoders.routed import RoutedTextEncoder
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trainer import TrainingPlan, train

from .intent_calibration import Calibrator, hold_back
from .intent_tasks import CONTRASTIVE, CROSS_ENTROPY, IntentTask, IntentTexts

FROZEN, AUTO = "frozen", "auto"
OBJECTIVES = (AUTO, FROZEN, CONTRASTIVE, CROSS_ENTROPY)
#: With fewer texts of a class on average, directions of classes are learned by heart; pairs are not.
ENOUGH_FOR_CLASSES = 40
ENCODER = "encoder"


class IntentClassifier(Estimator):
    """Fine-tune a text encoder on a few examples of each intent, and weigh its vectors.

    Texts in a script that the transformer does not know have vectors of n-grams in columns of their own, so
    that one linear map serves all. A part of the texts and a part of the classes are held back first: on them
    the way to learn is chosen, probabilities are calibrated, and it is learned what is out of scope. Then all
    is learned.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        As in `RoutedTextEncoder`.
    scripts : sequence of str or None, default None
        As in `RoutedTextEncoder`.
    objective : {"auto", "frozen", "contrastive", "cross_entropy"}, default "auto"
        How the encoder learns; "frozen" leaves it as it was published, which is the baseline. "auto" compares
        the last two on the texts held back; with few texts a class it is "contrastive".
    held_share : float in [0, 1), default 0.2
        Of the texts of each class, and of the classes; 0 holds none back: nothing is chosen then, and
        probabilities are as they come.
    c : float, default 10.0
        Inverse strength of the l2 penalty of the linear map.
    typos : float in [0, 1], default 0.5
        Share of the texts that are mistyped while it learns.
    temperature : float, default 0.1
        What cosines are divided by.
    min_steps : int, default 60
        Steps of few texts; of many, it is `max_epochs` passes.
    max_epochs : int, default 2
    train_batch_size : int, default 32
    learning_rate : float, default 1e-4
    is_narrow : bool, default True
        Whether linear maps multiply numbers of 16 bits while it learns: twice as fast on processors that
        can.
    dim : int, default 512
        Size of the vectors of n-grams.
    max_length : int, default 64
        Tokens of a text that are read.
    max_references : int, default 5000
        Known texts that a text's strangeness is measured by.
    batch_size : int, default 64
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    classes_ : list of str
        Sorted.
    objective_ : str
        That was chosen.
    held_ : dict
        What was found of the texts and classes held back: `accuracy` of each objective, `out_of_scope_auroc`,
        `expected_calibration_error`; empty without.
    encoder_ : RoutedTextEncoder
        For export.
    head_ : IntentHead
        For export.

    References
    ----------
    Tunstall et al., "Efficient few-shot learning without prompts", 2022; Guo et al., "On calibration of
    modern neural networks", 2017; Liu et al., "Energy-based out-of-distribution detection", 2020; Sun et al.,
    "Out-of-distribution detection with deep nearest neighbors", 2022.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = (
        "coefficients_", "intercepts_", "references_", "temperatures_", "thresholds_", "mixture_",
    )  # fmt: skip
    learned_values: ClassVar[tuple[str, ...]] = ("classes_", "objective_", "held_")

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        scripts: Sequence[str] | None = None,
        objective: str = AUTO,
        held_share: float = 0.2,
        c: float = 10.0,
        typos: float = 0.5,
        temperature: float = 0.1,
        min_steps: int = 60,
        max_epochs: int = 2,
        train_batch_size: int = 32,
        learning_rate: float = 1e-4,
        is_narrow: bool = True,
        dim: int = 512,
        max_length: int = 64,
        max_references: int = 5000,
        batch_size: int = 64,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.scripts = scripts
        self.objective = objective
        self.held_share = held_share
        self.c = c
        self.typos = typos
        self.temperature = temperature
        self.min_steps = min_steps
        self.max_epochs = max_epochs
        self.train_batch_size = train_batch_size
        self.learning_rate = learning_rate
        self.is_narrow = is_narrow
        self.dim = dim
        self.max_length = max_length
        self.max_references = max_references
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn from labelled texts.

        Parameters
        ----------
        texts : sequence of n_texts str
        labels : sequence of n_texts str
            Names of classes; of each, at least two texts.
        callbacks : sequence of Callback, default ()
            Of the last training, which learns all.
        checkpoint_folder : path, optional
            Private to this training; with it, one that was killed goes on where it was.

        Returns
        -------
        IntentClassifier
            Itself.

        Raises
        ------
        InvalidDataError
            If sizes do not fit, or there are fewer than two classes, or fewer than two texts of one.
        MissingEncoderError
            If the transformer cannot be loaded.
        TrainingCancelledError
            If a callback asks for it.
        """
        texts, names = list(texts), check_intents(texts, labels)
        if self.objective not in OBJECTIVES:
            raise InvalidDataError(f"objective must be one of {', '.join(OBJECTIVES)}.")
        calibrator = self._calibrate(texts, names) if self.held_share > 0 else Calibrator()
        self.objective_ = calibrator.objective or self._objectives(names)[0]
        self.held_ = calibrator.found
        self.classes_ = sorted(set(names))
        y = np.array([self.classes_.index(name) for name in names], dtype=np.int64)
        with seeded(self.random_state):
            self._learn_encoder(texts, y, callbacks, checkpoint_folder)
        self._learn_head(texts, y)
        self.temperatures_, self.thresholds_ = calibrator.temperatures, calibrator.thresholds
        self.mixture_ = calibrator.mixture
        return self

    # -- answers --------------------------------------------------------------------------------

    @property
    def head_(self) -> IntentHead:
        return IntentHead(
            self.coefficients_, self.intercepts_, self.references_, self.temperatures_, self.thresholds_,
            self.mixture_,
        )  # fmt: skip

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities of the classes, as if the text were of one of them.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        float64 array of shape (n_texts, n_classes)
            In the order of `classes_`.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text.
        """
        self.check_is_fitted()
        check_texts(texts)
        return softmax(self.head_.log_odds(self.encoder_.encode(texts), self.routes(texts)))

    def predict(self, texts: Sequence[str]) -> list[str]:
        """Return the likeliest class of each text, in scope or not; see `predict_proba`."""
        return [self.classes_[place] for place in self.predict_proba(texts).argmax(axis=1)]

    def strangeness(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return how strange texts are: above 0 is out of scope. Shape (n_texts,); see `predict_proba`."""
        self.check_is_fitted()
        check_texts(texts)
        return self.head_.strangeness(self.encoder_.encode(texts), self.routes(texts))

    def routes(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return 0 for texts in a script that the transformer knows, 1 for others: (n_texts,)."""
        return np.where(self.encoder_.knows(texts), KNOWN_SCRIPT, OTHER_SCRIPT)

    # -- learning -------------------------------------------------------------------------------

    def _objectives(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the ways to learn that are compared, the usual one first."""
        if self.objective != AUTO:
            return (self.objective,)
        if len(names) < ENOUGH_FOR_CLASSES * len(set(names)):
            return (CONTRASTIVE,)
        return (CROSS_ENTROPY, CONTRASTIVE)

    def _calibrate(self, texts: list[str], names: list[str]) -> Calibrator:
        """Learn without what is held back, each way; return what that says."""
        learned, held, stranger = hold_back(names, self.held_share, self.random_state)
        if not len(held):
            return Calibrator()
        tried = {}
        for objective in self._objectives(names):
            model = type(self)(**{**self.get_params(), "objective": objective, "held_share": 0.0})
            tried[objective] = model.fit([texts[row] for row in learned], [names[row] for row in learned])
        return Calibrator.of(tried, texts, names, held, stranger)

    def _learn_encoder(
        self,
        texts: list[str],
        y: NDArray[np.int64],
        callbacks: Sequence[Callback],
        checkpoint_folder: str | Path | None,
    ) -> None:
        self.encoder_ = RoutedTextEncoder(
            self.model, self.scripts, self.dim, self.max_length, self.batch_size, self.device,
            self.random_state,
        )  # fmt: skip
        pretrained = None
        rows = np.flatnonzero(self.encoder_.knows(texts))
        if self.objective_ != FROZEN and len(np.unique(y[rows])) > 1:
            pretrained = PretrainedTextEncoder(
                self.model, self.max_length, self.batch_size, self.device
            ).fit()
            self._tune(pretrained, [texts[row] for row in rows], y[rows], callbacks, checkpoint_folder)
        self.encoder_.fit(texts, pretrained=pretrained)

    def _tune(
        self,
        encoder: PretrainedTextEncoder,
        texts: list[str],
        y: NDArray[np.int64],
        callbacks: Sequence[Callback],
        checkpoint_folder: str | Path | None,
    ) -> None:
        """Move the weights of a published encoder."""
        network, _tuner = build_network(encoder.network.backbone, kind="full", layers="all", rank=1)
        rows = IntentTexts(
            encoder.tokenizer, texts, y, max_length=self.max_length,
            has_partners=self.objective_ == CONTRASTIVE, typos=self.typos, random_state=self.random_state,
        )  # fmt: skip
        task = IntentTask(network, int(y.max()) + 1, self.objective_, self.temperature, self.is_narrow)
        train(
            task, rows, self._plan(len(texts)), callbacks=callbacks, checkpoint_folder=checkpoint_folder,
            fingerprint={"hyperparameters": self.get_params(), "n_texts": len(texts)},
        )  # fmt: skip
        encoder.network = network.requires_grad_(False).eval()
        encoder.to_device()

    def _plan(self, n_texts: int) -> TrainingPlan:
        steps_per_epoch = -(-n_texts // self.train_batch_size)
        return TrainingPlan(
            max_epochs=max(self.max_epochs, -(-self.min_steps // steps_per_epoch)),
            batch_size=self.train_batch_size,
            learning_rate=self.learning_rate,
            warmup=0.1,
            weight_decay=0.01,
            random_state=self.random_state,
            device=self.device,
        )

    def _learn_head(self, texts: list[str], y: NDArray[np.int64]) -> None:
        from sklearn.linear_model import LogisticRegression

        vectors = self.encoder_.encode(texts)
        line = LogisticRegression(C=self.c, max_iter=2000).fit(vectors.astype(np.float64), y)
        weights, intercepts = np.asarray(line.coef_), np.asarray(line.intercept_)
        if len(self.classes_) == 2:  # scikit-learn has the log odds of the second class alone
            weights, intercepts = np.vstack([0 * weights, weights]), np.concatenate([[0.0], intercepts])
        self.coefficients_, self.intercepts_ = weights, intercepts
        rng = np.random.default_rng(self.random_state)
        self.references_ = vectors[np.sort(rng.permutation(len(vectors))[: self.max_references])]

    def _save_parts(self, folder: Path) -> None:
        self.encoder_.save(folder / ENCODER)

    def _load_parts(self, folder: Path) -> None:
        options: dict[str, Any] = {"device": self.device, "batch_size": self.batch_size}
        self.encoder_ = RoutedTextEncoder.load(folder / ENCODER, **options)


def check_intents(texts: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Return the names of texts' classes as a list, or raise InvalidDataError."""
    check_texts(texts)
    names = list(labels)
    check_texts(names)
    if len(names) != len(texts):
        raise InvalidDataError(f"There must be a label for each of {len(texts)} texts.")
    counts = {name: names.count(name) for name in set(names)}
    if len(counts) < 2 or min(counts.values()) < 2:
        raise InvalidDataError("There must be at least two classes, and at least two texts of each.")
    return names
