"""A network of customer value that learns with differential privacy."""

import secrets
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from ecomai.learning.callbacks import Callback, raise_if_stopped
from ecomai.learning.classifiers.base import sigmoid
from ecomai.learning.devices import detached_state, find_device, seeded, threads
from ecomai.learning.exceptions import InvalidDataError

from .base import (
    CustomerValueModel,
    Floats,
    PurchaseForecast,
    PurchaseHistories,
    check_histories,
    check_horizon,
)
from .distributions import hurdle, zero_inflated_quantiles
from .features import own_features, squash
from .windows import past_windows

NETWORK_FILE = "network.safetensors"
# Constants where other models would learn: means of the data would tell of it.
SIZE = 5.0  # what squashed numbers are divided by
LEAST_DAYS = 30.0  # a rate of fewer days says nothing
LEAST_RATE = 0.3  # purchases within the horizon of who bought only once
SPREAD = 0.8  # of the logarithm of a buyer's amount
SHAPE = 1.0  # of purchases beyond the first


class PrivateValueModel(CustomerValueModel):
    """A small network by DP-SGD: what it has learned hardly depends on any single customer.

    Whoever knows the model, and all customers but one, cannot tell well whether that one was among them: the
    odds change by e to the power of `epsilon` at most, but for a chance of `delta`. Each customer is one
    example, at one past moment; gradients of each are cut to a length before noise is added to their sum. The
    network corrects the customer's own rate and mean spend, and nothing but its weights comes from others:
    neither scales nor a prior are learned. The noise is drawn by torch's generator (which is not made for
    cryptography), seeded from the system's entropy and not from `random_state`, as a seed that is known would
    take the noise away; so no two trainings are the same.

    Parameters
    ----------
    epsilon : float, default 3.0
        The budget that may be spent; more is less private.
    delta : float, default 1e-6
        Must be far below 1 over the number of customers.
    width : int, default 32
    max_epochs : int, default 20
    batch_size : int, default 256
        Customers drawn for a step, on average.
    gradient_length : float, default 3.0
    learning_rate : float, default 0.02
    n_threads : int or None, default None
        Of the processor; None leaves torch's number.
    device : str, default "auto"
    random_state : int, default 0
        Of the weights to begin with.

    Attributes
    ----------
    spent_epsilon_ : float
        At `delta`.
    noise_multiplier_ : float
        Of the noise, as a multiple of `gradient_length`.
    network : torch.nn.Sequential

    References
    ----------
    Abadi et al., "Deep learning with differential privacy", 2016; Yousefpour et al., "Opacus: user-friendly
    differential privacy library in PyTorch", 2021.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("spent_epsilon_", "noise_multiplier_")

    spent_epsilon_: float
    noise_multiplier_: float

    def __init__(
        self,
        epsilon: float = 3.0,
        delta: float = 1e-6,
        width: int = 32,
        max_epochs: int = 20,
        batch_size: int = 256,
        gradient_length: float = 3.0,
        learning_rate: float = 0.02,
        n_threads: int | None = None,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.width = width
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.gradient_length = gradient_length
        self.learning_rate = learning_rate
        self.n_threads = n_threads
        self.device = device
        self.random_state = random_state

    def fit(
        self, histories: PurchaseHistories, *, horizon_days: float, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Learn at one past moment; see `CustomerValueModel.fit`.

        Raises
        ------
        InvalidDataError
            Also if there are so many customers that `delta` promises nothing.
        """
        check_histories(histories, horizon_days)
        if histories.n_customers * self.delta > 0.1:
            raise InvalidDataError(f"With {histories.n_customers} customers, delta must be lower.")
        window = past_windows(histories, horizon_days, 2)[-1]
        examples = TensorDataset(
            *_inputs_of(window.histories, window.horizon_days),
            torch.from_numpy(window.purchases.astype(np.float32)),
            torch.from_numpy(window.value.astype(np.float32)),
        )
        with seeded(self.random_state), threads(self.n_threads), warnings.catch_warnings():
            network = self._network(examples.tensors[0].shape[1])
            self._learn(network, examples, callbacks)
        self.network = network.eval()
        return self

    @property
    def is_fitted(self) -> bool:
        return hasattr(self, "network")

    def predict(self, histories: PurchaseHistories, horizon_days: float) -> PurchaseForecast:
        """Let the network correct each customer's own rate; see `CustomerValueModel.predict`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        log_odds, log_more, log_value = self._raw(histories, horizon_days).T
        buys = sigmoid(log_odds)
        purchases = buys * (1 + np.exp(log_more))
        value = buys * np.exp(log_value + SPREAD**2 / 2)
        return PurchaseForecast(purchases, hurdle(buys, purchases, SHAPE), value, buys)

    def value_quantiles(
        self, histories: PurchaseHistories, horizon_days: float, levels: Sequence[float]
    ) -> Floats:
        """Return quantiles of a zero-inflated log-normal; see `CustomerValueModel.value_quantiles`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        log_odds, _log_more, log_value = self._raw(histories, horizon_days).T
        return zero_inflated_quantiles(sigmoid(log_odds), log_value, np.full(len(log_value), SPREAD), levels)

    def _learn(self, network: nn.Sequential, examples: TensorDataset, callbacks: Sequence[Callback]) -> None:
        """Take steps with noise. This loop is ours since Opacus draws batches and steps in its own way."""
        from opacus import PrivacyEngine

        # It warns that torch's own generator draws the noise, which the docstring says too.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"opacus\.")
        device = find_device(self.device)
        batch_size = min(self.batch_size, len(examples))
        engine = PrivacyEngine(accountant="rdp")
        network.to(device).train()
        private, optimizer, batches = engine.make_private_with_epsilon(
            module=network,
            optimizer=torch.optim.Adam(network.parameters(), lr=self.learning_rate),
            data_loader=DataLoader(examples, batch_size, generator=_entropy("cpu")),
            target_epsilon=self.epsilon,
            target_delta=self.delta,
            epochs=self.max_epochs,
            max_grad_norm=self.gradient_length,
            noise_generator=_entropy(device),
        )
        for epoch in range(self.max_epochs):
            for batch in batches:
                raise_if_stopped(callbacks)
                summary, prior, purchases, value = (part.to(device) for part in batch)
                optimizer.zero_grad()
                raw = prior + private(summary.requires_grad_())  # else its hooks warn
                _loss(raw, purchases, value).backward()
                optimizer.step()
            for callback in callbacks:
                callback.on_progress((epoch + 1) / self.max_epochs)
        self.spent_epsilon_ = float(engine.get_epsilon(self.delta))
        self.noise_multiplier_ = float(optimizer.noise_multiplier)
        private.remove_hooks()

    def _network(self, n_features: int) -> nn.Sequential:
        head = nn.Linear(self.width, 3)
        nn.init.normal_(head.weight, std=0.01)  # begins as the customer's own rate
        nn.init.zeros_(head.bias)
        return nn.Sequential(
            nn.Linear(n_features, self.width), nn.Tanh(), nn.Linear(self.width, self.width), nn.Tanh(), head
        )

    def _raw(self, histories: PurchaseHistories, horizon_days: float) -> Floats:
        device = find_device(self.device)
        with torch.inference_mode(), threads(self.n_threads):
            summary, prior = (part.to(device) for part in _inputs_of(histories, horizon_days))
            found = prior + self.network.to(device)(summary)
        return found.double().cpu().numpy()

    def _save_parts(self, folder: Path) -> None:
        save_file(detached_state(self.network), folder / NETWORK_FILE)

    def _load_parts(self, folder: Path) -> None:
        state = load_file(folder / NETWORK_FILE)
        self.network = self._network(state["0.weight"].shape[1])
        self.network.load_state_dict(state)
        self.network.eval()


def _entropy(device: Any) -> torch.Generator:
    generator = torch.Generator(device=device)
    generator.manual_seed(secrets.randbits(63))
    return generator


def _loss(raw: Tensor, purchases: Tensor, value: Tensor) -> Tensor:
    """Return the mean loss of whether, how often and for how much customers buy; raw is (B, 3).

    No gradient of it grows with what a customer spends: one that is cut at a length would pull to those who
    buy nothing, of whom there are more.
    """
    is_buyer = (purchases > 0).float()
    buys = functional.binary_cross_entropy_with_logits(raw[:, 0], is_buyer)
    targets = torch.stack([(purchases - 1).clamp_min(0.3), value.clamp_min(1e-3)], dim=1).log()
    errors = functional.smooth_l1_loss(raw[:, 1:], targets, reduction="none").sum(dim=1)
    return buys + (is_buyer * errors).mean()


def _inputs_of(histories: PurchaseHistories, horizon_days: float) -> tuple[Tensor, Tensor]:
    """Return what is known of each customer, (n, C), and what their own rate says of `_loss`, (n, 3)."""
    summary = squash(own_features(histories)) / SIZE
    counts = histories.counts.astype(np.float64)
    rate = (counts - 1) / np.maximum(histories.ages, LEAST_DAYS) * horizon_days + LEAST_RATE
    buys = -np.expm1(-np.minimum(rate, 20.0))  # by Poisson
    spend = histories.totals(histories.amounts) / np.maximum(counts, 1)
    prior: NDArray[np.float64] = np.column_stack(
        [
            np.log(buys) - np.log1p(-buys),
            np.log(rate / buys - 1),
            np.log(np.maximum(spend, 1e-3)) + np.log(rate / buys),
        ]
    )
    return torch.from_numpy(summary), torch.from_numpy(prior.astype(np.float32))
