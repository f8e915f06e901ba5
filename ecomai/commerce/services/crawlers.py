"""Visits by machines: told by their user agent, left out and counted."""

from functools import cache

from crawlerdetect import CrawlerDetect
from django.db.models import F
from django.utils import timezone

from ecomai.commerce.models import CrawlerCount


@cache
def _detector() -> CrawlerDetect:
    return CrawlerDetect()


def is_crawler(user_agent: str) -> bool:
    """Whether a user agent is a known crawler's. None at all is none that a browser would send."""
    return not user_agent or bool(_detector().isCrawler(user_agent[:1000]))


def count_crawler(*, storefront: str, n_events: int) -> None:
    today = timezone.now().date()
    CrawlerCount.objects.get_or_create(storefront=storefront, day=today)
    CrawlerCount.objects.filter(storefront=storefront, day=today).update(n_events=F("n_events") + n_events)
