"""What phrases name, marked by whoever wrote them: “send it to [Lyon](city)”."""

import re

from ecomai.inference.spans import Span

MARK = re.compile(r"\[(?P<value>[^\[\]]+)\]\((?P<kind>[a-z][a-z_]*)\)")


def read_marks(phrase: str) -> tuple[str, list[Span]]:
    """Return a phrase without its marks, and what was marked.

    Examples
    --------
    >>> read_marks("send it to [Lyon](city)")
    ('send it to Lyon', [Span(start=11, end=15, kind='city')])
    """
    plain, end, spans = "", 0, []
    for mark in MARK.finditer(phrase):
        plain += phrase[end : mark.start()]
        spans.append(Span(len(plain), len(plain) + len(mark["value"]), mark["kind"]))
        plain, end = plain + mark["value"], mark.end()
    return plain + phrase[end:], spans
