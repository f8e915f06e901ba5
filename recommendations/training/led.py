"""Searches, and what they led to: what a person turned to soon after, before searching again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from ecomai.commerce.models import EventType

SOON = timedelta(minutes=30)
#: How good an item was for a search, by what was done with it.
GRADES = {"purchase": 1.0, "cart": 0.9, "wishlist": 0.8, "click": 0.7, "view": 0.7}
GOOD = 0.66
SEARCH = EventType.SEARCH.value
#: A share of those who searched; a few people are no evidence.
SMOOTHING = 3.0


class Step(NamedTuple):
    """One event of a person, in the order of persons and time."""

    person: Any
    type: str
    item: Any  # None of a search
    query: str
    moment: Any


@dataclass
class Search:
    """One search. `taken` holds the grade of each item; `before` is the search that it followed at once."""

    query: str
    person: Any
    moment: Any
    before: str = ""
    taken: dict[Any, float] = field(default_factory=dict)


def searches_of(steps: Iterable[Step]) -> Iterator[Search]:
    """Yield the searches of persons with what each led to."""
    current: Search | None = None
    for step in steps:
        if current is not None and (step.person != current.person or step.moment - current.moment > SOON):
            yield current
            current = None
        if step.type == SEARCH:
            before = ""
            if current is not None:
                before = "" if current.taken else current.query
                yield current
            is_said = bool(step.query.strip())
            current = Search(step.query, step.person, step.moment, before) if is_said else None
        elif current is not None and step.item is not None and step.type in GRADES:
            grade = GRADES[step.type]
            current.taken[step.item] = max(current.taken.get(step.item, 0.0), grade)
    if current is not None:
        yield current


def taken_shares(searches: Iterable[Search], canonical: Mapping[str, str]) -> dict[str, dict[Any, float]]:
    """Return, by canonical query, which share of those who searched so took each item, smoothed."""
    n_people: Counter[str] = Counter()
    taken: dict[str, Counter[Any]] = defaultdict(Counter)
    for search in searches:
        name = canonical[search.query]
        n_people[name] += 1
        for item, grade in search.taken.items():
            taken[name][item] += grade  # type: ignore[assignment]
    return {
        name: {item: float(grades / (n_people[name] + SMOOTHING)) for item, grades in found.items()}
        for name, found in taken.items()
        if name
    }


def past_queries(searches: Sequence[Search]) -> list[tuple[str, int, int]]:
    """Return what people searched for, with how many people did, and how many of them found something.

    Of spellings that differ only in their case, the one most used stands for all.
    """
    people: dict[str, set[Any]] = defaultdict(set)
    led: dict[str, set[Any]] = defaultdict(set)
    for search in searches:
        name = " ".join(search.query.casefold().split())
        people[name].add(search.person)
        if search.taken:
            led[name].add(search.person)
    rows = [(name, len(persons), len(led[name])) for name, persons in people.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0]))
