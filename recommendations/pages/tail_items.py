"""The table of rarely shown items: searched, narrowed, in any order, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.numbers import format_percent

from ..catalogue import top_category
from ..models import TailItem

PER_PAGE = 50
MOST_CATEGORIES = 100
#: Column -> heading and what it is ordered by; all but the first two are numbers.
COLUMNS: Mapping[str, tuple[Any, Any]] = {
    "item": (gettext_lazy("Item"), F("item__title")),
    "since": (gettext_lazy("Rarely shown since"), F("tail_since")),
    "places": (gettext_lazy("Places"), F("n_shown")),
    "gained": (gettext_lazy("Gained"), F("n_shown") - F("n_shown_before")),
    "clicks": (gettext_lazy("Clicks"), F("n_clicked")),
    "before": (gettext_lazy("Clicks before"), F("n_clicked_before")),
    "exposure": (gettext_lazy("Exposure"), F("exposure")),
    "potential": (gettext_lazy("Potential"), F("potential")),
    "margin": (gettext_lazy("Margin"), F("margin")),
    "rating": (gettext_lazy("Rating"), F("rating")),
    "likeness": (gettext_lazy("Like what sells"), F("likeness")),
}
TEXTS = ("item", "since")
USUAL = "-gained"
GAINS: Mapping[str, tuple[Any, Q]] = {
    "more": (gettext_lazy("that gained places"), Q(n_shown__gt=F("n_shown_before"))),
    "less": (gettext_lazy("that lost places"), Q(n_shown__lt=F("n_shown_before"))),
    "none": (gettext_lazy("that were not shown at all"), Q(n_shown=0)),
}


@dataclass(frozen=True)
class Asked:
    """What an address says of the table; what makes no sense is as if it were not there."""

    text: str
    category: str
    gain: str
    order: str
    page: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        order = query.get("order", "")
        return cls(
            text=query.get("q", "").replace("\x00", "").strip()[:200],
            category=query.get("category", "").replace("\x00", "")[:500],
            gain=query.get("gain", "") if query.get("gain", "") in GAINS else "",
            order=order if order.removeprefix("-") in COLUMNS else USUAL,
            page=query.get("page", ""),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.text or self.category or self.gain)


def context(query: Mapping[str, str], *, storefront: str | None, kept: Mapping[str, str]) -> dict[str, Any]:
    """Return the table's page. `kept` are other fields of the page, so that links leave them as they are."""
    asked = Asked.of(query)
    everything = TailItem.objects.filter(is_tail=True)
    if storefront is not None:
        everything = everything.filter(item__storefront=storefront)
    found = Paginator(_ordered(_narrowed(everything, asked), asked.order), PER_PAGE).get_page(asked.page)
    told = {**kept, "q": asked.text, "category": asked.category, "gain": asked.gain, "order": asked.order}
    told = {name: value for name, value in told.items() if value}
    return {
        "asked": asked,
        "found": found,
        "kept": [*kept.items(), ("order", asked.order)],
        "rows": [_row(row) for row in found],
        "headings": [_heading(name, asked, told) for name in COLUMNS],
        "pages": _pages(found, told),
        "gains": [(name, label, name == asked.gain) for name, (label, _rule) in GAINS.items()],
        "categories": [(name, name == asked.category) for name in _categories(everything)],
        "everything": "?" + urlencode(kept),
    }


def _narrowed(rows: QuerySet[TailItem], asked: Asked) -> QuerySet[TailItem]:
    if asked.text:
        is_meant = Q(item__title__icontains=asked.text) | Q(item__external_id__iexact=asked.text)
        rows = rows.filter(is_meant | Q(item__brand__iexact=asked.text))
    if asked.category:
        below = Q(item__category_path__startswith=f"{asked.category} > ")
        rows = rows.filter(below | Q(item__category_path=asked.category))
    return rows.filter(GAINS[asked.gain][1]) if asked.gain else rows


def _ordered(rows: QuerySet[TailItem], order: str) -> QuerySet[TailItem]:
    """Order by a column, what is not known last, and those that are alike by their potential."""
    expression = COLUMNS[order.removeprefix("-")][1]
    by = expression.desc(nulls_last=True) if order.startswith("-") else expression.asc(nulls_last=True)
    return rows.select_related("item").order_by(by, "-potential", "pk")


def _categories(rows: QuerySet[TailItem]) -> Sequence[str]:
    """Return the first steps of categories, by name."""
    paths = rows.exclude(item__category_path="").order_by().values_list("item__category_path", flat=True)
    return sorted({top_category(path) for path in paths.distinct()})[:MOST_CATEGORIES]


def _row(row: TailItem) -> dict[str, Any]:
    return {
        "row": row, "item_args": [row.pk], "gain": row.n_shown - row.n_shown_before,
        "potential": format_percent(row.potential, 0), "margin": format_percent(row.margin, 0),
        "rating": "–" if row.rating is None else number_format(round(row.rating, 1), 1),
        "likeness": "–" if row.likeness is None else number_format(round(row.likeness, 2), 2),
        "exposure": number_format(round(row.exposure, 2), 2),
    }  # fmt: skip


def _heading(name: str, asked: Asked, told: Mapping[str, str]) -> dict[str, Any]:
    """Return a heading: its link orders by it, numbers from the greatest on; a second click turns that."""
    is_down = asked.order == f"-{name}"
    is_chosen = asked.order.removeprefix("-") == name
    begins = name if name in TEXTS else f"-{name}"
    turned = name if is_down else f"-{name}"
    return {
        "label": COLUMNS[name][0],
        "href": "?" + urlencode({**told, "order": turned if is_chosen else begins}) + "#t-items",
        "sort": ("descending" if is_down else "ascending") if is_chosen else "",
        "mark": ("▼" if is_down else "▲") if is_chosen else "",
        "is_number": name not in TEXTS,
    }


def _pages(found: Any, told: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return links to pages, with a gap as None; nothing where there is only one."""
    if not found.has_other_pages():
        return []
    numbers = found.paginator.get_elided_page_range(found.number, on_each_side=1, on_ends=1)
    return [
        {
            "number": number if isinstance(number, int) else None,
            "is_here": number == found.number,
            "href": "?" + urlencode({**told, "page": number}) + "#t-items",
            "label": _("Page %(number)s") % {"number": number},
        }
        for number in numbers
    ]
