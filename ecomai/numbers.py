"""Numbers as the reader's language writes them; amounts of money are in `ecomai.commerce.money`."""

from django.utils.formats import number_format


def format_percent(share: float | None, digits: int = 0, *, unknown: str = "–") -> str:
    """Return a share of 1 in percent, rounded: Django's `number_format` alone cuts digits off.

    Examples
    --------
    >>> format_percent(0.29), format_percent(0.6667, 1), format_percent(None)
    ('29 %', '66.7 %', '–')
    """
    if share is None:
        return unknown
    return f"{number_format(round(100 * share, digits), digits)} %"
