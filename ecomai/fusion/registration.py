"""Who removes and who tells what is known of a customer: our rooms, scenarios, and a host's own apps."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.module_loading import import_string

from ecomai import scenarios

from .subjects import Subject

Eraser = Callable[[Subject], Mapping[str, int]]
Exporter = Callable[[Subject], Mapping[str, Any]]

_erasers: dict[str, str] = {}
_exporters: dict[str, str] = {}


def register_eraser(name: str, path: str) -> None:
    """Add `eraser(subject) -> {kind: rows removed}` by dotted path; it must be safe to call twice.

    A scenario names its own in its `Scenario`; this is for rooms of the foundation and for a host's apps.
    """
    _erasers[name] = path


def register_exporter(name: str, path: str) -> None:
    """Add `exporter(subject) -> {key: JSON value}` by dotted path."""
    _exporters[name] = path


def unregister(name: str) -> None:
    """Forget an eraser and an exporter; for tests that add one for a moment."""
    _erasers.pop(name, None)
    _exporters.pop(name, None)


def erasers() -> Iterator[tuple[str, Eraser]]:
    """Scenarios come first: their erasers may need rows that the foundation's remove."""
    for scenario in scenarios.installed():
        if scenario.eraser:
            yield scenario.name, import_string(scenario.eraser)
    for name, path in _erasers.items():
        yield name, import_string(path)


def exporters() -> Iterator[tuple[str, Exporter]]:
    for name, path in _exporters.items():
        yield name, import_string(path)
    for scenario in scenarios.installed():
        if scenario.exporter:
            yield scenario.name, import_string(scenario.exporter)
