"""What was asked and not answered, with a way to write what was missing."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from ..knowledge.gaps import Gap, gaps, unanswered_questions

DAYS = (7, 30, 90)
MOST_GAPS = 100


def gaps_context(chosen: QueryDict) -> dict[str, Any]:
    wanted = chosen.get("days", "")
    days = int(wanted) if wanted in map(str, DAYS) else 30
    found = gaps(unanswered_questions(since=timezone.now() - timedelta(days=days)))
    rows = [{"gap": gap, "href": _write(gap)} for gap in found[:MOST_GAPS]]
    return {"rows": rows, "days": days, "all_days": DAYS, "n": sum(gap.n for gap in found)}


def _write(gap: Gap) -> str:
    """Return the address of a new article that begins with what was asked."""
    first, *others = gap.shown
    values = {"title": first[:200], "questions": "\n".join(others), "language": gap.language or "en"}
    return f"{reverse('admin:ecomai_support_bot_article_add')}?{urlencode(values)}"
