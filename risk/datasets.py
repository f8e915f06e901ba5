"""Assessments as arrays: the very features that were kept when each came, so none knows what came later."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import selectors
from .features import FEATURE_NAMES
from .features.vectors import as_row
from .models import Policy

_CHUNK = 5000


@dataclass(frozen=True, eq=False)
class RiskDataset:
    """Assessments with a known outcome, in the order they came.

    `X` has shape (n_samples, n_features) and NaN for what was not known; `y` is 1 for fraud.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    ids: NDArray[np.int64]
    received: Sequence[datetime]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for part in (self.ids, self.y, self.X):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def column(self, name: str) -> NDArray[np.float32]:
        return self.X[:, FEATURE_NAMES.index(name)]


def read_dataset(kind: str, *, as_of: datetime) -> RiskDataset:
    """Return what could be learned of a kind at a moment: outcomes as they were known then."""
    columns: Any = ("pk", "features", "was_fraud", "received_at")
    rows = selectors.with_outcome(kind, as_of=as_of).values_list(*columns)
    ids, features, labels, received = [], [], [], []
    for pk, values, was_fraud, received_at in rows.iterator(_CHUNK):
        ids.append(pk)
        features.append(as_row(values))
        labels.append(int(was_fraud))
        received.append(received_at)
    X = np.stack(features) if features else np.empty((0, len(FEATURE_NAMES)), dtype=np.float32)
    return RiskDataset(X, np.array(labels, dtype=np.int64), np.array(ids, dtype=np.int64), received)


def forbidden_columns(kind: str) -> list[str]:
    """Return features that a current policy of the kind forbids to models, whatever storefront it is of."""
    policies = Policy.objects.filter(kind=kind, is_current=True)
    return columns_of(beginning for policy in policies for beginning in policy.forbidden_features)


def columns_of(beginnings: Iterable[Any]) -> list[str]:
    given = tuple(str(each) for each in beginnings if each)
    return [name for name in FEATURE_NAMES if given and name.startswith(given)]
