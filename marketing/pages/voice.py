"""The voice of the customer: sentiment over time, aspects, topics, newest complaints, alarms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.console import charts
from ecomai.numbers import format_percent

from ..models import Aspect, Feedback, FeedbackAspect, Sentiment, VoiceAlarm
from ..services.alarms import daily_counts, sentence_of, sentences_behind

PERIODS = (30, 90, 365)
#: Beyond so many days, a bar is a week.
DAYS_AS_BARS = 45
N_NEWEST, N_TOPICS, N_BEHIND = 20, 12, 100
IS_NEGATIVE = Q(sentiment=Sentiment.NEGATIVE)
N_SPARK = 12
#: A sentence stands once for each of its aspects; it has fewer than a hundred neighbours in its text.
ONE_SENTENCE = F("feedback_id") * 100 + F("position")
#: So many sentences tell what a topic is, of those that are the most typical in all languages and sources.
N_TYPICAL, MOST_RANK = 2, 200


@dataclass(frozen=True)
class Wanted:
    """What a person asked to see."""

    days: int
    source: str
    aspect: str
    language: str
    item: str
    now: datetime

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        days = query.get("days", "")
        return cls(
            days=int(days) if days.isdecimal() and int(days) in PERIODS else PERIODS[1],
            now=timezone.now(),
            **{name: query.get(name, "").strip()[:128] for name in ("source", "aspect", "language", "item")},
        )

    @property
    def since(self) -> datetime:
        return self.now - timedelta(days=self.days)

    def texts(self) -> QuerySet[Feedback]:
        return self._of_text(Feedback.objects.filter(written_at__gt=self.since), "")

    def sentences(self, since: datetime | None = None) -> QuerySet[FeedbackAspect]:
        rows = FeedbackAspect.objects.filter(written_at__gt=since or self.since)
        if self.aspect:
            rows = rows.filter(aspect__slug=self.aspect)
        return self._of_text(rows, "feedback__")

    def _of_text(self, rows: Any, prefix: str) -> Any:
        for name, field in (("source", "source"), ("language", "language"), ("item", "item__external_id")):
            if value := getattr(self, name):
                rows = rows.filter(**{f"{prefix}{field}": value})
        if self.aspect and not prefix:
            rows = rows.filter(
                pk__in=FeedbackAspect.objects.filter(
                    aspect__slug=self.aspect, written_at__gt=self.since
                ).values("feedback_id")
            )
        return rows


def context(query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows; a fixed number of queries."""
    wanted = Wanted.of(query)
    days = list(
        wanted.texts()
        .annotate(day=TruncDate("written_at"))
        .order_by()
        .values_list("day", "sentiment")
        .annotate(n=Count("pk"))
    )
    n_texts = sum(n for _day, _sentiment, n in days)
    return {
        "wanted": wanted,
        "has_any": bool(n_texts) or Feedback.objects.exists(),
        "n_texts": n_texts,
        "n_negative": sum(n for _day, sentiment, n in days if sentiment == Sentiment.NEGATIVE),
        "chart": _over_time(days, wanted) if n_texts else None,
        "aspects": _aspects(wanted),
        "topics": _topics(wanted),
        "newest": _newest(wanted),
        "alarms": alarms(),
        "choices": _choices(),
    }


def alarms() -> list[dict[str, Any]]:
    rows = VoiceAlarm.objects.exclude(state=VoiceAlarm.State.CLOSED).select_related("aspect")
    return [{"alarm": row, "text": sentence_of(row)} for row in rows.order_by("state", "-began_on")]


def alarm_context(alarm: VoiceAlarm) -> dict[str, Any]:
    """The page of an alarm: what changed, day by day, and the sentences behind it."""
    behind = sentences_behind(alarm)
    return {
        "alarm": alarm,
        "text": sentence_of(alarm),
        "chart": _days_of(alarm),
        "sentences": behind[:N_BEHIND],
        "n_sentences": behind.count(),
    }


def text_context(row: Feedback) -> dict[str, Any]:
    sentences: dict[int, dict[str, Any]] = {}
    for each in row.sentences.select_related("aspect").order_by("position", "pk"):
        found = sentences.setdefault(each.position, {"row": each, "aspects": []})
        found["aspects"].append(_told_aspect(each))
    return {"text": row, "sentences": list(sentences.values())}


def _told_aspect(row: FeedbackAspect) -> str:
    if row.aspect is None:
        return "–"
    if row.found_by == FeedbackAspect.FoundBy.WORDS:
        return row.aspect.name
    return _("%(aspect)s (by meaning)") % {"aspect": row.aspect.name}


def _over_time(days: list[tuple[date, str, int]], wanted: Wanted) -> charts.Chart:
    step = 1 if wanted.days <= DAYS_AS_BARS else 7
    last = timezone.localtime(wanted.now).date()
    starts = [last - timedelta(days=step * back) for back in range(-(-wanted.days // step) - 1, -1, -1)]
    counts = {sentiment: [0] * len(starts) for sentiment in Sentiment.values}
    for day, sentiment, n in days:
        place = len(starts) - 1 - (last - day).days // step
        if 0 <= place < len(starts):
            counts[sentiment][place] += n
    return charts.bar_chart(
        title=_("Sentiment by day") if step == 1 else _("Sentiment by week, named by its last day"),
        categories=starts, y_title=_("Texts"), is_stacked=True,
        series={str(Sentiment(name).label): values for name, values in counts.items() if any(values)},
    )  # fmt: skip


def _aspects(wanted: Wanted) -> list[dict[str, Any]]:
    """Each aspect with its share of negative sentences, and the same in the period before."""
    rows = (
        wanted.sentences(wanted.since - timedelta(days=wanted.days))
        .filter(aspect__isnull=False)
        .annotate(day=TruncDate("written_at"))
        .order_by()
        .values_list("aspect__slug", "aspect__name", "day")
        .annotate(n=Count("pk"), n_negative=Count("pk", filter=IS_NEGATIVE))
    )
    since = timezone.localtime(wanted.since).date()
    found: dict[str, dict[str, Any]] = {}
    width = max(wanted.days / N_SPARK, 1.0)
    for slug, name, day, n, n_negative in rows:
        one = found.setdefault(
            slug, {"slug": slug, "name": name, "now": [0, 0], "before": [0, 0], "parts": [0] * N_SPARK}
        )
        is_now = day > since
        counts = one["now" if is_now else "before"]
        counts[0] += n
        counts[1] += n_negative
        if is_now:
            one["parts"][min(int((day - since).days / width), N_SPARK - 1)] += n_negative
    listed = [_told(one) for one in found.values() if one["now"][0]]
    return sorted(listed, key=lambda one: (-one["n_negative"], -one["n"]))


def _told(one: dict[str, Any]) -> dict[str, Any]:
    n, n_negative = one["now"]
    n_before, negative_before = one["before"]
    share = n_negative / n
    change = share - negative_before / n_before if n_before else None
    return {
        "slug": one["slug"], "name": one["name"], "n": n, "n_negative": n_negative,
        "share": format_percent(share),
        "change": "–" if change is None else f"{100 * change:+.0f}",
        "is_worse": change is not None and change > 0.05,
        "spark": charts.sparkline(
            title=_("Complaints: %(aspect)s") % {"aspect": one["name"]}, values=one["parts"]
        ),
    }  # fmt: skip


def _topics(wanted: Wanted) -> list[dict[str, Any]]:
    """The largest groups of sentences, how many there are in each part of the period, and typical ones."""
    rows = (
        wanted.sentences().exclude(topic="").annotate(day=TruncDate("written_at")).order_by()
        .values_list("topic", "day")
        .annotate(n=Count(ONE_SENTENCE, distinct=True),
                  n_negative=Count(ONE_SENTENCE, distinct=True, filter=IS_NEGATIVE))
    )  # fmt: skip
    since = timezone.localtime(wanted.since).date()
    width = max(wanted.days / N_SPARK, 1.0)
    found: dict[str, dict[str, Any]] = {}
    for name, day, n, n_negative in rows:
        one = found.setdefault(name, {"name": name, "n": 0, "n_negative": 0, "parts": [0] * N_SPARK})
        one["n"] += n
        one["n_negative"] += n_negative
        one["parts"][min(max(int((day - since).days / width), 0), N_SPARK - 1)] += n
    largest = sorted(found.values(), key=lambda one: (-one["n"], one["name"]))[:N_TOPICS]
    typical = _typical(wanted, [one["name"] for one in largest])
    for one in largest:
        title = _("Sentences: %(topic)s") % {"topic": one["name"]}
        one["examples"] = typical[one["name"]]
        one["spark"] = charts.sparkline(title=title, values=one["parts"])
    return largest


def _typical(wanted: Wanted, names: list[str]) -> dict[str, list[FeedbackAspect]]:
    """The sentences nearest to the middle of each topic, each once."""
    rows = wanted.sentences().filter(topic__in=names, topic_rank__lte=MOST_RANK)
    found: dict[str, dict[tuple[int, int], FeedbackAspect]] = {name: {} for name in names}
    for row in rows.order_by("topic_rank", "pk"):
        of_topic = found[row.topic]
        is_new = all(row.sentence != each.sentence for each in of_topic.values())
        if len(of_topic) < N_TYPICAL and is_new:
            of_topic.setdefault((row.feedback_id, row.position), row)
    return {name: list(of_topic.values()) for name, of_topic in found.items()}


def _newest(wanted: Wanted) -> list[FeedbackAspect]:
    """The newest negative sentences, each once however many aspects it has."""
    rows = wanted.sentences().filter(IS_NEGATIVE).order_by("-written_at", "-pk")
    found: dict[tuple[int, int], Any] = {}
    for row in rows.select_related("feedback__item", "feedback__customer", "aspect")[: 3 * N_NEWEST]:
        found.setdefault((row.feedback_id, row.position), {"row": row, "aspects": []})
        if row.aspect:
            found[row.feedback_id, row.position]["aspects"].append(row.aspect.name)
    return list(found.values())[:N_NEWEST]


def _choices() -> dict[str, list[tuple[str, str]]]:
    languages = Feedback.objects.exclude(language="").order_by("language")
    return {
        "days": [(str(n), _("%(n)s days") % {"n": n}) for n in PERIODS],
        "source": [(value, str(label)) for value, label in Feedback.Source.choices],
        "aspect": [
            (aspect.slug, aspect.name) for aspect in Aspect.objects.filter(is_active=True).order_by("name")
        ],
        "language": [(code, code) for code in languages.values_list("language", flat=True).distinct()[:30]],
    }


def _days_of(alarm: VoiceAlarm) -> charts.Chart:
    last = min(alarm.until + timedelta(days=7), timezone.localdate())
    n_days = (last - alarm.began_on).days + 43
    counts = daily_counts(last=last, n_days=n_days).get((alarm.storefront, alarm.aspect_id))
    negative, total = (each.tolist() for each in counts) if counts else ([], [])
    days = [last - timedelta(days=back) for back in range(len(negative) - 1, -1, -1)]
    return charts.bar_chart(
        title=_("Sentences a day"), categories=days, is_stacked=True,
        series={
            _("negative"): negative,
            _("others"): [n - k for n, k in zip(total, negative, strict=True)],
        },
    )  # fmt: skip
