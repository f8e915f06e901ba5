"""Words that mean the same in this shop: applied within a second in every process, learned as proposals."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Event
from ecomai.inference.pieces import RUN, stem
from ecomai.inference.text import normalise
from ecomai.serving.copies import ProcessCopy
from ecomai.serving.predictors.search import canonical

from ...app_settings import app_settings
from ...models import Synonym
from ...training.led import GRADES, SEARCH, Search, Step, searches_of

MOST_VARIANTS = 4
LEARNED_DAYS = 90
#: So many people must have searched with each of two queries.
MIN_PEOPLE = 3
#: The cosine between the items that two queries led to.
LEAST_ALIKE = 0.6
#: Of those who searched again at once, so many did it in the same words.
LEAST_AGAIN = 0.3
MOST_COMPARED = 3000
MOST_PROPOSED = 200

Rule = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class _Rules:
    """Active synonyms by storefront, as rules from a few stems to other words; `stamp` says of which rows."""

    stamp: Mapping[str, Any]
    by_storefront: Mapping[str, list[Rule]]


class RulesCopy(ProcessCopy[_Rules]):
    """The process's copy: rows are read again only where one has changed."""

    poll_seconds = 0.8

    def refresh(self, known: _Rules | None) -> _Rules:
        is_active = Q(state=Synonym.State.ACTIVE)
        stamp = Synonym.objects.aggregate(
            n=Count("pk"), n_active=Count("pk", filter=is_active), newest=Max("updated_at")
        )
        if known is not None and known.stamp == stamp:
            return known
        rules: dict[str, list[Rule]] = defaultdict(list)
        for row in Synonym.objects.filter(is_active):
            rules[row.storefront] += rules_of(row)
        return _Rules(stamp, dict(rules))

    def of(self, storefront: str) -> list[Rule]:
        return self.current().by_storefront.get(storefront, [])


_rules = RulesCopy()
#: Read them anew; for tests and after a restore.
forget = _rules.forget


def rules_of(synonym: Synonym) -> list[Rule]:
    """Return what each of a synonym's words may be replaced by."""
    means = [one.strip() for one in synonym.means.split(",") if one.strip()]
    rules = [(_stems(synonym.terms), one) for one in means]
    if synonym.is_two_way:
        rules += [(_stems(one), synonym.terms) for one in means]
        rules += [(_stems(one), other) for one in means for other in means if one != other]
    return [(stems, words) for stems, words in rules if stems]


def variants_of(query: str, *, storefront: str) -> list[str]:
    """Return the query in other words, by the active synonyms."""
    rules = _rules.of(storefront)
    if not rules:
        return []
    words = RUN.findall(normalise(query))
    stems = [stem(word, app_settings.SEARCH_LANGUAGE) for word in words]
    found: list[str] = []
    for source, other in rules:
        for start in range(len(stems) - len(source) + 1):
            if tuple(stems[start : start + len(source)]) == source:
                found.append(" ".join([*words[:start], other, *words[start + len(source) :]]))
                break
    return list(dict.fromkeys(found))[:MOST_VARIANTS]


def known_words(*, storefront: str) -> set[str]:
    """Return the stems of words that a synonym explains: they are no mistakes of spelling."""
    return {one for stems, _words in _rules.of(storefront) for one in stems}


def _stems(text: str) -> tuple[str, ...]:
    return tuple(stem(word, app_settings.SEARCH_LANGUAGE) for word in RUN.findall(normalise(text)))


# -- learning -----------------------------------------------------------------------------------------


def propose_synonyms() -> int:
    """Look through the shop's searches, and propose words that led to the same; return how many are new.

    What was decided before is left alone. Safe to run twice.
    """
    n_new = 0
    since = timezone.now() - timedelta(days=LEARNED_DAYS)
    searched = Event.objects.filter(type=SEARCH, occurred_at__gte=since).order_by()
    for storefront in searched.values_list("storefront", flat=True).distinct():
        searches = list(searches_of(_steps(storefront, since)))
        for terms, means, is_two_way, origin, n_people in _proposals(searches):
            known = Q(terms=terms, means=means) | Q(terms=means, means=terms)
            if Synonym.objects.filter(known, storefront=storefront).exists():
                continue
            Synonym.objects.create(
                storefront=storefront, terms=terms, means=means, is_two_way=is_two_way,
                state=Synonym.State.PROPOSED, origin=origin[:300], n_people=n_people,
            )  # fmt: skip
            n_new += 1
    return n_new


def _steps(storefront: str, since: Any) -> Iterator[Step]:
    events = Event.objects.filter(
        storefront=storefront, occurred_at__gte=since, type__in=[SEARCH, *GRADES]
    ).exclude(session_id="", customer=None)
    rows: QuerySet = events.order_by("session_id", "customer_id", "occurred_at", "id").values_list(
        "session_id", "customer_id", "type", "item_id", "query", "occurred_at"
    )
    for session_id, customer_id, type, item, query, moment in rows.iterator(chunk_size=5000):
        yield Step(session_id or customer_id, type, item, query, moment)


Proposal = tuple[str, str, bool, str, int]


def _proposals(searches: Sequence[Search]) -> list[Proposal]:
    people: dict[str, set[Any]] = defaultdict(set)
    items: dict[str, Counter[Any]] = defaultdict(Counter)
    again: dict[tuple[str, str], set[Any]] = defaultdict(set)
    spelling: dict[str, Counter[str]] = defaultdict(Counter)
    language = app_settings.SEARCH_LANGUAGE
    for search in searches:
        name = canonical(search.query, language)
        people[name].add(search.person)
        spelling[name][" ".join(normalise(search.query).split())] += 1
        items[name].update(search.taken)
        if search.before and search.taken:
            again[canonical(search.before, language), name].add(search.person)
    typed = {name: counts.most_common(1)[0][0] for name, counts in spelling.items()}
    found = [*_alike(people, items, typed), *_reformulated(people, again, typed)]
    best: dict[frozenset[str], Proposal] = {}
    for proposal in sorted(found, key=lambda row: -row[4]):
        best.setdefault(frozenset(proposal[:2]), proposal)
    return list(best.values())[:MOST_PROPOSED]


def _alike(
    people: dict[str, set[Any]], items: dict[str, Counter[Any]], typed: dict[str, str]
) -> Iterator[Proposal]:
    """Yield pairs of queries that led to the same items."""
    names = [name for name, persons in people.items() if len(persons) >= MIN_PEOPLE and items[name] and name]
    names = sorted(names, key=lambda name: -len(people[name]))[:MOST_COMPARED]
    by_item: dict[Any, list[str]] = defaultdict(list)
    for name in names:
        for item, _n in items[name].most_common(20):
            by_item[item].append(name)
    pairs = {pair for together in by_item.values() for pair in combinations(sorted(together[:50]), 2)}
    for first, second in sorted(pairs):
        if _cosine(items[first], items[second]) < LEAST_ALIKE:
            continue
        if (words := _differing(typed[first], typed[second])) is not None:
            n = min(len(people[first]), len(people[second]))
            origin = _("“%(first)s” and “%(second)s” led to the same items")
            yield *words, True, origin % {"first": typed[first], "second": typed[second]}, n


def _reformulated(
    people: dict[str, set[Any]], again: dict[tuple[str, str], set[Any]], typed: dict[str, str]
) -> Iterator[Proposal]:
    """Yield queries that found nothing and were put into other words at once."""
    for (first, second), persons in again.items():
        if len(persons) < MIN_PEOPLE or len(persons) < LEAST_AGAIN * len(people[first]):
            continue
        if (words := _differing(typed[first], typed[second])) is not None:
            origin = _("who found nothing for “%(first)s” searched for “%(second)s” next")
            yield *words, False, origin % {"first": typed[first], "second": typed[second]}, len(persons)


def _cosine(first: Counter[Any], second: Counter[Any]) -> float:
    shared = sum(n * second[item] for item, n in first.items() if item in second)
    lengths = [sum(n * n for n in one.values()) ** 0.5 for one in (first, second)]
    return float(shared / max(lengths[0] * lengths[1], 1e-9))


def _differing(first: str, second: str) -> tuple[str, str] | None:
    """Return what two queries say differently; None where one is only narrower, or mistyped."""
    from rapidfuzz.distance import OSA

    language = app_settings.SEARCH_LANGUAGE
    words = [RUN.findall(one) for one in (first, second)]
    stems = [{stem(word, language) for word in some} for some in words]
    rest = [
        " ".join(word for word in some if stem(word, language) not in other)
        for some, other in zip(words, reversed(stems), strict=True)
    ]
    if not all(rest) or any(len(one.split()) > 3 for one in rest):
        return None
    if OSA.distance(*(one.replace(" ", "") for one in rest)) <= max(2, min(map(len, rest)) // 4):
        return None
    return rest[0], rest[1]
