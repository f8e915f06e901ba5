"""What every channel does: say what it needs, whom it reaches, hand over, and know what has arrived."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language, override

from ecomai.commerce.adapters.contacts import Contact

from ..exceptions import TemplateError
from ..models import Campaign, CampaignVariant, Delivery

logger = logging.getLogger(__name__)
State = Delivery.State

#: Who refuses for the moment is asked so often, with pauses that double.
MOST_ATTEMPTS = 8


@dataclass(frozen=True)
class Ready:
    """A claimed row whose customer may be addressed now; `contact` is None where the shop says nothing."""

    row: Delivery
    contact: Contact | None
    values: Mapping[str, str]

    @property
    def variant(self) -> CampaignVariant:
        assert self.row.variant is not None  # noqa: S101  (the holdout is never claimed)
        return self.row.variant


class ChannelStrategy(ABC):
    """One channel of one campaign. `hand_over` writes what became of it into the rows, and saves nothing.

    Override `_hand_over` for a single message, or `hand_over` for a batch.
    """

    #: Whether it comes to the customer unasked: then quiet hours and the week's messages count.
    is_pushed: ClassVar[bool] = True
    #: Whether whoever is at the other end takes the same message once, however often it is sent.
    is_repeatable: ClassVar[bool] = False
    first_pause: ClassVar[timedelta] = timedelta(minutes=15)

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign

    @classmethod
    def what_is_missing(cls, messaging: Any) -> list[str]:
        """Why nothing could be sent now, each as the end of a sentence."""
        return []

    def open(self) -> None:  # noqa: B027  (most have nothing to open)
        """Get ready for a batch. Raises UnavailableError where the other side is away."""

    def unreachable(self, rows: Sequence[Delivery], contacts: Mapping[str, Contact]) -> dict[int, str]:
        """Return why some of the rows cannot be sent at all, by their id."""
        return {}

    @property
    def can_tell(self) -> bool:
        """Whether it is known what became of a batch whose worker died; then batches can be larger."""
        return self.is_repeatable

    def arrived(self, rows: Sequence[Delivery]) -> set[int] | None:
        """Return which of some claimed rows have arrived; None where nobody can say."""
        return set() if self.is_repeatable else None

    def hand_over(self, ready: Sequence[Ready], *, check: Callable[[], object] = bool) -> None:
        """Hand over a batch, one by one. Raises UnavailableError where the other side went away.

        `check` is called before each, and raises where nothing more may go out.
        """
        for one in ready:
            check()
            try:
                self._hand_over(one)
            except TemplateError as error:
                self.refuse(one.row, str(error))

    @abstractmethod
    def _hand_over(self, one: Ready) -> None: ...

    def refuse(self, row: Delivery, reason: str) -> None:
        row.state, row.reason = State.FAILED, reason[:200]

    def put_off(self, row: Delivery, reason: str) -> None:
        """Let it be tried again later, and give it up after `MOST_ATTEMPTS`."""
        row.n_attempts += 1
        if row.n_attempts >= MOST_ATTEMPTS:
            self.refuse(row, reason)
            return
        row.state, row.reason = State.WAITING, reason[:200]
        row.not_before = timezone.now() + self.first_pause * 2 ** (row.n_attempts - 1)


def speaking(language: str) -> AbstractContextManager[Any]:
    """Speak a customer's language, or the shop's; costs nothing where that is spoken already."""
    wanted = language or settings.LANGUAGE_CODE
    return nullcontext() if wanted == get_language() else override(wanted)
