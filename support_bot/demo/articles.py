"""Articles of the demo shop: thirty subjects, each in English and in Chinese."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..models import Article
from ..services.articles import upsert_article

FOLDER = Path(__file__).parent / "articles"
LANGUAGES = {"en": "en", "zh": "zh-hans"}


@dataclass(frozen=True)
class DemoArticle:
    """One file: a header of title, category and ways to ask, and the text below it."""

    name: str
    language: str
    title: str
    category: str
    questions: str
    body: str

    @property
    def external_id(self) -> str:
        return f"demo:{self.name}:{self.language}"


def seed_articles() -> None:
    """Publish the demo's articles. Safe to run twice; what a person changed is left alone."""
    for each in demo_articles():
        if Article.objects.filter(external_id=each.external_id).exists():
            continue
        values = {
            "title": each.title, "category": each.category, "questions": each.questions, "body": each.body,
            "language": each.language, "state": Article.State.PUBLISHED, "slug": each.name,
        }  # fmt: skip
        upsert_article(external_id=each.external_id, values=values, source=Article.Source.DEMO)


def demo_articles() -> Iterator[DemoArticle]:
    """Yield the articles of the demo by name, both languages of each."""
    for path in sorted(FOLDER.glob("*.md")):
        name, short, _suffix = path.name.split(".")
        header, body = path.read_text(encoding="utf-8").split("\n\n", 1)
        told = dict(line.split(": ", 1) for line in header.splitlines())
        asked = "\n".join(part.strip() for part in told["ask"].split("|"))
        yield DemoArticle(name, LANGUAGES[short], told["title"], told["category"], asked, body.strip())
