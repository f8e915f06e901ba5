"""The examples in the docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import ecomai.learning

MODULES = [module.name for module in pkgutil.walk_packages(ecomai.learning.__path__, "ecomai.learning.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module)
    assert result.failed == 0
