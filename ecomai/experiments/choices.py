"""What an arm may show, by name: scenarios say it, so that nobody has to write their configurations."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ecomai import scenarios


@dataclass(frozen=True)
class ArmChoice:
    """A configuration by the name that people know, at one subject or, with "", at any of the scenario's."""

    label: Any
    configuration: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""


def as_text(configuration: Any) -> str:
    """Return a configuration as one text, whatever the order of its parts."""
    return json.dumps(configuration, sort_keys=True, ensure_ascii=False)


def arm_choices() -> list[tuple[str, list[tuple[str, Any]]]]:
    """Return what can be chosen, as a form reads it, in groups by subject."""
    groups: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for scenario in scenarios.installed():
        for choice in _choices_of(scenario):
            groups[choice.subject or str(scenario.verbose_name)].append(
                (as_text(choice.configuration), choice.label)
            )
    return [("", [(as_text({}), _("as it is today"))]), *groups.items()]


def _choices_of(scenario: scenarios.Scenario) -> Iterator[ArmChoice]:
    if scenario.arm_choices:
        yield from import_string(scenario.arm_choices)()


def check_fits(configuration: Any, subject: str) -> None:
    """Raise ValidationError where a configuration is one of another place's."""
    text = as_text(configuration)
    places = {
        choice.subject for scenario in scenarios.installed() for choice in _choices_of(scenario)
        if as_text(choice.configuration) == text
    }  # fmt: skip
    if places and "" not in places and subject not in places:
        raise ValidationError(
            _("What an arm does belongs to %(places)s, and the experiment is about %(subject)s.")
            % {"places": ", ".join(sorted(places)), "subject": subject}
        )


class ConfigurationField(forms.JSONField):
    """What an arm does, chosen by name; a configuration that no scenario names is kept as it is."""

    widget = forms.Select

    def prepare_value(self, value: Any) -> str:
        text = value if isinstance(value, str) else as_text(value or {})
        known = {one for _group, choices in self.widget.choices for one, _label in choices}
        if text not in known:
            self.widget.choices = [*self.widget.choices, (_("written by hand"), [(text, text)])]
        return text
