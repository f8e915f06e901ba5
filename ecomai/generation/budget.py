"""The day's budget of composers that cost: reserved before a request, settled after it."""

from decimal import Decimal, InvalidOperation

from django.db.models import F
from django.utils import timezone

from .app_settings import app_settings
from .exceptions import BudgetSpentError
from .models import DailyUse

MILLION = 1_000_000


def most_tokens() -> int:
    """How many tokens a day the settings allow, by their number and by what they cost."""
    limit = app_settings.TOKENS_PER_DAY
    price = Decimal(app_settings.PRICE_PER_MILLION_TOKENS or "0")
    if app_settings.COST_PER_DAY and price > 0:
        limit = min(limit, int(Decimal(app_settings.COST_PER_DAY) / price * MILLION))
    return limit


def cost_of(n_tokens: int) -> Decimal:
    """Return what tokens cost, in the reporting currency."""
    return n_tokens * Decimal(app_settings.PRICE_PER_MILLION_TOKENS or "0") / MILLION


def reserve(composer: str, n_tokens: int) -> None:
    """Take tokens from today's budget, however many workers ask at once. Raises BudgetSpentError."""
    today, limit = timezone.localdate(), most_tokens()
    DailyUse.objects.get_or_create(day=today, composer=composer)
    taken = DailyUse.objects.filter(day=today, composer=composer, n_tokens__lte=limit - n_tokens).update(
        n_tokens=F("n_tokens") + n_tokens, n_requests=F("n_requests") + 1
    )
    if not taken:
        raise BudgetSpentError(composer=composer, cause="budget")


def settle(composer: str, *, reserved: int, used: int) -> None:
    """Give back what was reserved and not used."""
    today = DailyUse.objects.filter(day=timezone.localdate(), composer=composer)
    today.update(n_tokens=F("n_tokens") + (used - reserved))


def used_today(composer: str) -> int:
    rows = DailyUse.objects.filter(day=timezone.localdate(), composer=composer)
    return rows.values_list("n_tokens", flat=True).first() or 0


def is_amount(text: str) -> bool:
    """Whether a setting can be read as an amount of money that is not negative."""
    try:
        return Decimal(text or "0") >= 0
    except InvalidOperation:
        return False
