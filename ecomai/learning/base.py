"""The contract of every estimator: hyperparameters in, `fit`, predictions out, saved without pickle."""

import inspect
import json
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from safetensors.numpy import load_file, save_file

from .exceptions import FormatVersionError, NotFittedError

ESTIMATOR_FILE = "estimator.json"
ARRAYS_FILE = "arrays.safetensors"


class Estimator:
    """Base of everything that learns.

    A subclass stores its hyperparameters under their own names in `__init__` and does nothing else
    there. `fit` validates, learns, and returns `self`; a second `fit` forgets the first. Learned
    attributes end in an underscore; the ones that are part of the saved estimator are listed in
    `learned_arrays` (numpy arrays) and `learned_values` (JSON). What is neither is written and read by
    `_save_parts` and `_load_parts`.
    """

    format_version: ClassVar[int] = 1
    learned_arrays: ClassVar[tuple[str, ...]] = ()
    learned_values: ClassVar[tuple[str, ...]] = ()

    def get_params(self) -> dict[str, Any]:
        """Return the hyperparameters by name.

        Returns
        -------
        dict
            What `__init__` was given, defaults included.
        """
        if type(self).__init__ is object.__init__:
            return {}
        names = [name for name in inspect.signature(type(self).__init__).parameters if name != "self"]
        return {name: getattr(self, name) for name in names}

    @property
    def is_fitted(self) -> bool:
        return all(hasattr(self, name) for name in (*self.learned_arrays, *self.learned_values))

    def check_is_fitted(self) -> None:
        """Raise unless `fit` or `load` went before.

        Raises
        ------
        NotFittedError
            If there is nothing to predict from.
        """
        if not self.is_fitted:
            raise NotFittedError(
                f"This {type(self).__name__} has not learned yet: call fit() or load() first."
            )

    def save(self, folder: str | Path) -> Path:
        """Write the fitted estimator as safetensors and JSON.

        Parameters
        ----------
        folder : path
            Created where it is missing. Files of the same name are replaced.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        NotFittedError
            If there is nothing to save.
        """
        self.check_is_fitted()
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in self.learned_arrays}
        save_file(arrays, folder / ARRAYS_FILE)
        self._save_parts(folder)
        description = {
            "format_version": self.format_version,
            "estimator": type(self).__name__,
            "hyperparameters": self.get_params(),
            "learned": {name: getattr(self, name) for name in self.learned_values},
        }
        (folder / ESTIMATOR_FILE).write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | Path, **overrides: Any) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : path
            Where the estimator was saved.
        **overrides
            Hyperparameters that differ on this machine, such as `device`.

        Returns
        -------
        Estimator
            Fitted, with the predictions it had when it was saved.

        Raises
        ------
        FormatVersionError
            If another class or another format wrote the folder.
        FileNotFoundError
            If a file is missing.
        """
        folder = Path(folder)
        description = json.loads((folder / ESTIMATOR_FILE).read_text(encoding="utf-8"))
        cls._check_description(description)
        estimator = cls(**{**description["hyperparameters"], **overrides})
        for name, value in description["learned"].items():
            setattr(estimator, name, value)
        for name, array in load_file(folder / ARRAYS_FILE).items():
            setattr(estimator, name, array)
        estimator._load_parts(folder)
        return estimator

    @classmethod
    def _check_description(cls, description: dict[str, Any]) -> None:
        if description.get("estimator") != cls.__name__:
            raise FormatVersionError(
                f"The folder holds a {description.get('estimator')}, not a {cls.__name__}."
            )
        if description.get("format_version") != cls.format_version:
            raise FormatVersionError(
                f"The {cls.__name__} was saved in format {description.get('format_version')}; "
                f"this version of ecomai reads format {cls.format_version}. Train it again."
            )

    def _save_parts(self, folder: Path) -> None:
        """Write what is neither a plain array nor JSON; for subclasses with networks or inner estimators."""

    def _load_parts(self, folder: Path) -> None:
        """Read what `_save_parts` wrote."""
