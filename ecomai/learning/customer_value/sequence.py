"""A transformer over a customer's purchases, which says by how much BG/NBD is wrong."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from ecomai.learning.callbacks import Callback
from ecomai.learning.classifiers.base import sigmoid
from ecomai.learning.devices import detached_state, find_device, seeded, threads
from ecomai.learning.trainer import TrainingPlan, train

from .assortment import Assortment
from .base import (
    CustomerValueModel,
    Floats,
    PurchaseForecast,
    PurchaseHistories,
    check_histories,
    check_horizon,
)
from .bg_nbd import BgNbdModel
from .distributions import close, negative_binomial, zero_inflated_quantiles
from .features import make_features, squash
from .sequence_network import Heads, PurchaseConfig, PurchaseNetwork
from .windows import Prior, Window, assortment_of, past_windows, prior_of

NETWORK_FILE = "network.safetensors"
CUSTOMERS_AT_ONCE = 4096
N_NUMBERS = 6  # of a purchase
WEEKDAYS = 7


class SequenceValueModel(CustomerValueModel):
    """A transformer over the newest purchases: gaps, ages, amounts, sizes, weekdays.

    Its heads are a zero-inflated negative binomial for the number of purchases and a zero-inflated log-normal
    for the amount. Both begin with what BG/NBD and gamma-gamma say of the same horizon. It learns from
    several past moments, so that a customer is seen at several ages.

    Parameters
    ----------
    max_length : int, default 16
        Newest purchases that are read.
    dim : int, default 32
    n_layers, n_heads : int, default 2 and 2
        `n_heads` must divide `dim`.
    dropout : float in [0, 1), default 0.1
    n_windows : int, default 5
        Past moments.
    max_epochs : int, default 4
    batch_size : int, default 256
    learning_rate : float, default 2e-3
    weight_decay : float, default 0.01
    n_threads : int or None, default None
        Of the processor; None leaves torch's number.
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    n_summary_ : int
        Numbers of a customer.
    prior : BgNbdModel
    assortment : Assortment
    network : PurchaseNetwork

    References
    ----------
    Vaswani et al., "Attention is all you need", 2017; Wang, Liu and Miao, "A deep probabilistic model for
    customer lifetime value prediction", 2019.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("n_summary_",)

    n_summary_: int

    def __init__(
        self,
        max_length: int = 16,
        dim: int = 32,
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.1,
        n_windows: int = 5,
        max_epochs: int = 4,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        n_threads: int | None = None,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.max_length = max_length
        self.dim = dim
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.n_windows = n_windows
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_threads = n_threads
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        histories: PurchaseHistories,
        *,
        horizon_days: float,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn at past moments; see `CustomerValueModel.fit`.

        Parameters
        ----------
        checkpoint_folder : path, optional
            Private to this training, which goes on from there when it was killed.
        """
        check_histories(histories, horizon_days)
        windows = past_windows(histories, horizon_days, self.n_windows)
        self.prior = BgNbdModel().fit(histories, horizon_days=horizon_days)
        self.assortment = assortment_of(histories)
        dataset = _Moments(windows, self.prior, self.max_length)
        self.n_summary_ = dataset.inputs["summary"].shape[1]
        with seeded(self.random_state), threads(self.n_threads):
            network = PurchaseNetwork(self._config())
            network.set_scales(*dataset.scales())
            plan = TrainingPlan(
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                warmup=0.1,
                weight_decay=self.weight_decay,
                random_state=self.random_state,
                device=self.device,
            )
            fingerprint = {"hyperparameters": self.get_params(), "input": dataset.digest()}
            train(
                network,
                dataset,
                plan,
                checkpoint_folder=checkpoint_folder,
                fingerprint=fingerprint,
                callbacks=callbacks,
            )
        self.network = network.eval()
        return self

    @property
    def is_fitted(self) -> bool:
        return hasattr(self, "network")

    def predict(self, histories: PurchaseHistories, horizon_days: float) -> PurchaseForecast:
        """Let the network correct BG/NBD; see `CustomerValueModel.predict`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        prior = prior_of(self.prior, histories, horizon_days)
        heads = self._heads(histories, prior)
        mean, shape = np.exp(heads["log_mean"]), np.exp(heads["log_shape"])
        surplus = sigmoid(heads["zero_logit"])
        table = (1 - surplus)[:, None] * negative_binomial(shape, mean / np.maximum(1 - surplus, 1e-9))
        table[:, 0] += surplus
        value = sigmoid(heads["buy_logit"]) * np.exp(heads["log_value"] + heads["spread"] ** 2 / 2)
        return PurchaseForecast(mean, close(table), value, prior.alive)

    def value_quantiles(
        self, histories: PurchaseHistories, horizon_days: float, levels: Sequence[float]
    ) -> Floats:
        """Return quantiles of the zero-inflated log-normal; see `CustomerValueModel.value_quantiles`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        heads = self._heads(histories, prior_of(self.prior, histories, horizon_days))
        buys = sigmoid(heads["buy_logit"])
        return zero_inflated_quantiles(buys, heads["log_value"], heads["spread"], levels)

    def _heads(self, histories: PurchaseHistories, prior: Prior) -> dict[str, Floats]:
        inputs = _inputs_of(histories, prior, self.assortment, self.max_length)
        device = find_device(self.device)
        found: list[Heads] = []
        with torch.inference_mode(), threads(self.n_threads):
            for start in range(0, max(histories.n_customers, 1), CUSTOMERS_AT_ONCE):
                rows = slice(start, start + CUSTOMERS_AT_ONCE)
                batch = {name: torch.from_numpy(array[rows]).to(device) for name, array in inputs.items()}
                found.append(self.network.heads(**batch))
        return {
            name: torch.cat([getattr(heads, name) for heads in found]).double().cpu().numpy()
            for name in Heads.__dataclass_fields__
        }

    def _config(self) -> PurchaseConfig:
        return PurchaseConfig(
            n_numbers=N_NUMBERS,
            n_summary=self.n_summary_,
            dim=self.dim,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            dropout=self.dropout,
        )

    def _save_parts(self, folder: Path) -> None:
        self.prior.save(folder / "prior")
        self.assortment.save(folder / "assortment")
        save_file(detached_state(self.network), folder / NETWORK_FILE)

    def _load_parts(self, folder: Path) -> None:
        self.prior = BgNbdModel.load(folder / "prior")
        self.assortment = Assortment.load(folder / "assortment")
        self.network = PurchaseNetwork(self._config())
        self.network.load_state_dict(load_file(folder / NETWORK_FILE))
        self.network.to(find_device(self.device)).eval()


class _Moments:
    """Customers at past moments as batches of tensors."""

    def __init__(self, windows: Sequence[Window], prior: BgNbdModel, max_length: int) -> None:
        parts = [
            _inputs_of(
                window.histories,
                prior_of(prior, window.histories, window.horizon_days),
                assortment_of(window.histories),
                max_length,
            )
            for window in windows
        ]
        self.inputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self.inputs["purchases"] = np.concatenate([window.purchases for window in windows]).astype(np.float32)
        self.inputs["value"] = np.concatenate([window.value for window in windows]).astype(np.float32)
        self.lengths = (~self.inputs["is_missing"]).sum(axis=1).astype(np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
        longest = max(int(self.lengths[rows].max(initial=1)), 1)
        batch = {name: torch.from_numpy(array[rows]) for name, array in self.inputs.items()}
        for name in ("numbers", "is_missing"):
            batch[name] = batch[name][:, -longest:]
        return batch

    def scales(self) -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        numbers = self.inputs["numbers"][~self.inputs["is_missing"]]
        return _scale(numbers), _scale(self.inputs["summary"])

    def digest(self) -> str:
        digest = hashlib.sha256()
        for array in self.inputs.values():
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def _scale(values: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(values.mean(axis=0)), torch.from_numpy(values.std(axis=0) + 1e-3)


def _inputs_of(
    histories: PurchaseHistories, prior: Prior, assortment: Assortment, max_length: int
) -> dict[str, NDArray[np.float32]]:
    """Return numbers (n, max_length, F), what is missing of them, summary (n, C) and prior (n, 3)."""
    numbers = np.zeros((histories.n_customers, max_length, N_NUMBERS), dtype=np.float32)
    is_missing = np.ones((histories.n_customers, max_length), dtype=bool)
    places = np.arange(len(histories.days)) - histories.starts[1:][histories.customers] + max_length
    is_read = places >= 0
    rows, columns = histories.customers[is_read], places[is_read]
    numbers[rows, columns] = _numbers_of(histories)[is_read]
    is_missing[rows, columns] = False
    buyer_value = prior.log_value - np.log(np.maximum(prior.buys, 1e-4))
    return {
        "numbers": numbers,
        "is_missing": is_missing,
        "summary": squash(make_features(histories, prior, assortment)),
        "prior": np.column_stack([prior.log_purchases, prior.log_odds, buyer_value]).astype(np.float32),
    }


def _numbers_of(histories: PurchaseHistories) -> Floats:
    first = histories.first_days[histories.customers]
    gaps = np.diff(histories.days, prepend=0.0) * (histories.days > first)
    angle = 2 * np.pi * (histories.days % WEEKDAYS) / WEEKDAYS
    return np.column_stack(
        [
            np.log1p(gaps),
            np.log1p(histories.end_day - histories.days),
            np.log1p(histories.amounts),
            np.log1p(histories.sizes),
            np.sin(angle),
            np.cos(angle),
        ]
    )
