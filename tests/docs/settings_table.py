"""Writes docs/settings.md from the code: `python -m tests.docs.settings_table > docs/settings.md`."""

import importlib
import os
from pathlib import Path

from tests.architecture import sources

INTRODUCTION = """\
# Settings

Everything is in one dictionary of the host's settings, `ECOMAI`, in sections. A value that is not given has
its default; values are read when they are used. A misspelt name is reported by `manage.py check`.

```python
ECOMAI = {
    "COMMERCE": {"REPORTING_CURRENCY": "EUR"},
    "CONSOLE": {"MONITORING_TOKEN": os.environ["MONITORING_TOKEN"]},
}
```

This page is written from the code (`python -m tests.docs.settings_table > docs/settings.md`); a test compares
the two.
"""


def load_sections():
    """Import every module that declares settings, and return the sections by name."""
    from ecomai.conf import Section

    for path in sources.shipped():
        if path.name == "app_settings.py":
            importlib.import_module(".".join(path.relative_to(sources.ROOT).with_suffix("").parts))
    return {name: Section.sections[name] for name in sorted(Section.sections)}


def render():
    lines = [INTRODUCTION]
    for name, section in load_sections().items():
        module = importlib.import_module(section.__module__)
        lines += [f"## {name}", "", module.__doc__.splitlines()[0].split(":")[0] + ".", ""]
        lines += ["| name | default | unit | what it does |", "|---|---|---|---|"]
        lines += [_row(key, setting) for key, setting in section.declared().items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(key, setting):
    default = setting.default() if callable(setting.default) else setting.default
    # A folder is chosen where the process runs, so it has no place on this page.
    shown = "below the project" if isinstance(default, Path) else f"`{default!r}`"
    help_text = " ".join(str(setting.help).split()).replace("|", "\\|")
    return f"| `{key}` | {shown} | {setting.unit} | {help_text} |"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecomai_project.settings.test")
    import django

    django.setup()
    print(render(), end="")
