"""What a text encoder reads of an item, in training and when an item is new: it must be the same."""

import re
from typing import Any

MAX_LENGTH = 1000  # characters; encoders look at some 256 word pieces anyway
_SPACES = re.compile(r"\s+")


def item_text(
    *, title: str, category_path: str = "", brand: str = "", attributes: Any = None, description: str = ""
) -> str:
    """Join what describes an item, most telling first."""
    parts = [title, category_path.replace(" > ", ", "), brand, _attributes_text(attributes), description]
    return _SPACES.sub(" ", ". ".join(part for part in parts if part)).strip()[:MAX_LENGTH]


def search_text(
    *, title: str, category_path: str = "", brand: str = "", attributes: Any = None, description: str = ""
) -> str:
    """Join what an item is found by: its title counts twice."""
    text = item_text(
        title=title, category_path=category_path, brand=brand, attributes=attributes, description=description
    )
    return f"{title}. {text}"


def _attributes_text(attributes: Any) -> str:
    if not isinstance(attributes, dict):
        return str(attributes or "")
    return ", ".join(
        f"{name} {value}" for name, value in sorted(attributes.items()) if isinstance(value, str | int)
    )
