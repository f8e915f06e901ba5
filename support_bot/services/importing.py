"""Articles of a file become rows: good ones also where others are bad."""

from dataclasses import dataclass, field
from typing import Any

from django.utils import translation

from ecomai.exceptions import PermissionDeniedError

from ..knowledge.reading import problem_of, read_articles
from ..models import Article
from .articles import ADD, CHANGE, upsert_article

#: Longest text of a field, as its column has it.
_LONGEST = {"title": 200, "category": 200, "tags": 300, "url": 1000, "language": 16, "questions": 4000}


@dataclass
class ImportReport:
    """How many articles are new or changed, how many were the same, and what is wrong with others."""

    n_changed: int = 0
    n_same: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def import_articles(
    *, name: str, content: bytes, language: str, state: str, user: Any, storefront: str = ""
) -> ImportReport:
    """Write the articles of a file; the same file again changes nothing. Raises InvalidInputError.

    `language` and `state` are for what the file says nothing of; an article that is known keeps its state.
    """
    if not (user.has_perm(ADD) and user.has_perm(CHANGE)):
        raise PermissionDeniedError
    report = ImportReport()
    for article in read_articles(name, content):
        if problem := problem_of(article):
            report.problems.append((article.line, problem))
            continue
        values = {name: value[: _LONGEST.get(name, len(value))] for name, value in article.values.items()}
        external_id = values.pop("external_id")
        values["language"] = _language(values.get("language", ""), language)
        if not Article.objects.filter(storefront=storefront, external_id=external_id).exists():
            values["state"] = state
        _article, is_changed = upsert_article(
            external_id=external_id, values=values, storefront=storefront, source=Article.Source.IMPORT,
            user=user,
        )  # fmt: skip
        report.n_changed += is_changed
        report.n_same += not is_changed
    return report


def _language(written: str, otherwise: str) -> str:
    try:
        return translation.get_supported_language_variant(written.lower()) if written else otherwise
    except LookupError:
        return written.lower()[:16]
