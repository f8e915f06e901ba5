"""Keeps personal data and secrets out of what is written about failures."""

import re

MASK = "[masked]"

# A value is masked when in doubt: a traceback stays useful without it.
_PATTERNS = [
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"\b(?:sk|pk)_[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?i)(?<=bearer )\S+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
    re.compile(r"(?<![\w.])\+?\d(?:[ ().-]?\d){8,18}(?!\w|\.\w)"),
    re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
    # PostgreSQL repeats the values of the row that it refused.
    re.compile(r"(?<=\)=)\([^)\n]*\)"),
    re.compile(r"(?<=Failing row contains )\(.*\)"),
]


def mask_personal_data(text: str) -> str:
    """Return the text with e-mail addresses, telephone and card numbers, addresses and keys masked."""
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return text
