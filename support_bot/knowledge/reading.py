"""Articles from files: Markdown, HTML and CSV, as a shop's old help pages come."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError

from ..models.knowledge import LONGEST_BODY
from .markdown import parts_of

#: Of one file.
MOST_BYTES, MOST_ARTICLES = 5_000_000, 2_000
_HEADER = re.compile(r"(?:---\n)?((?:[a-z]+: [^\n]*\n)+)(?:---\n)?\n")
_TOP_HEADING = re.compile(r"^#\s+(.+?)\s*#*\s*$", re.MULTILINE)
#: Column of a CSV, or name in a header -> field.
COLUMNS = {
    "title": "title", "question": "title", "body": "body", "answer": "body", "text": "body",
    "language": "language", "category": "category", "tags": "tags", "questions": "questions", "url": "url",
    "id": "external_id",
}  # fmt: skip
#: What a page shows around its text.
_AROUND = ("script", "style", "nav", "header", "footer", "aside", "form", "iframe", "noscript", "template")


@dataclass(frozen=True)
class ReadArticle:
    """What a file says of one article; `line` is where it stands."""

    line: int
    values: dict[str, str]


def read_articles(name: str, content: bytes) -> list[ReadArticle]:
    """Return the articles of a file. Raises InvalidInputError for what is no such file."""
    if len(content) > MOST_BYTES:
        raise InvalidInputError(reason=_("a file may have %(most)s bytes.") % {"most": MOST_BYTES})
    readers = {
        ".md": _markdown, ".markdown": _markdown, ".html": _html, ".htm": _html, ".csv": _csv,
    }  # fmt: skip
    reader = readers.get(PurePath(name).suffix.lower())
    if reader is None:
        raise InvalidInputError(reason=_("it must be a file of Markdown (.md), HTML or CSV."))
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InvalidInputError(reason=_("it is no text in UTF-8.")) from None
    if "\0" in text:
        raise InvalidInputError(reason=_("it is no text."))
    found = [_with_id(each, PurePath(name).stem) for each in reader(text)]
    if not found:
        raise InvalidInputError(reason=_("there is no article in it."))
    if len(found) > MOST_ARTICLES:
        raise InvalidInputError(reason=_("a file may have %(most)s articles.") % {"most": MOST_ARTICLES})
    return found


def _markdown(text: str) -> Iterator[ReadArticle]:
    """A header of `name: value` lines may come first; without a title there, the first heading is it."""
    values: dict[str, str] = {}
    if header := _HEADER.match(text):
        pairs = (line.split(": ", 1) for line in header[1].splitlines())
        values = {COLUMNS[name]: value.strip() for name, value in pairs if name in COLUMNS}
        text = text[header.end() :]
    if not values.get("title") and (heading := _TOP_HEADING.search(text)):
        values["title"] = heading[1]
        text = text[: heading.start()] + text[heading.end() :]
    yield ReadArticle(1, {**values, "body": text.strip()})


def _html(text: str) -> Iterator[ReadArticle]:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    page = BeautifulSoup(text, "html.parser")
    title = page.h1 or page.title
    values = {"title": " ".join(title.get_text().split()) if title else ""}
    if page.html and page.html.get("lang"):
        values["language"] = str(page.html["lang"])
    for element in page(_AROUND):
        element.decompose()
    if page.h1:
        page.h1.decompose()
    main: Any = page.main or page.article or page.body or page
    written = MarkdownConverter(heading_style="ATX", strip=["img"]).convert_soup(main)
    yield ReadArticle(1, {**values, "body": re.sub(r"\n{3,}", "\n\n", written).strip()})


def _csv(text: str) -> Iterator[ReadArticle]:
    rows = csv.DictReader(io.StringIO(text))
    known = {name: name.strip().lower() for name in rows.fieldnames or () if name}
    names = {name: COLUMNS[small] for name, small in known.items() if small in COLUMNS}
    if not {"title", "body"} <= set(names.values()):
        raise InvalidInputError(reason=_("its columns must name a title or question, and a body or answer."))
    try:
        for row in rows:
            yield ReadArticle(
                rows.line_num, {field: (row.get(name) or "").strip() for name, field in names.items()}
            )
    except csv.Error as error:
        raise InvalidInputError(reason=f"{error}.") from None


def _with_id(article: ReadArticle, stem: str) -> ReadArticle:
    """Give it an id by which the same file again changes it."""
    values = {name: value for name, value in article.values.items() if value}
    known = values.get("external_id") or values.get("title") or stem
    values["external_id"] = f"file:{known}"[:128]
    return ReadArticle(article.line, values)


def problem_of(article: ReadArticle) -> str:
    """Return what is wrong with an article; '' where it can be kept."""
    title, body = article.values.get("title", ""), article.values.get("body", "")
    if not title:
        return _("It has no title.")
    if not parts_of(body):
        return _("It has no text.")
    if len(body) > LONGEST_BODY:
        return _("Its text is longer than %(most)s letters.") % {"most": LONGEST_BODY}
    return ""
