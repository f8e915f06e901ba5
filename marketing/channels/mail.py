"""The channel e-mail: one connection of Django's backend for all batches of a job."""

import smtplib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.core.mail import get_connection
from django.utils.translation import gettext as _

from ecomai.commerce.adapters.base import get_adapter
from ecomai.commerce.adapters.contacts import Contact, KnowsContacts
from ecomai.exceptions import UnavailableError

from ..app_settings import app_settings
from ..mails import is_address, make_mail
from ..models import Campaign, Delivery, MailProblem
from ..services import suppressing
from ..services.bounce_addresses import bounce_address
from ..services.unsubscribing import preferences_url, unsubscribe_url
from .base import ChannelStrategy, Ready, State, speaking

#: Enhanced status codes (RFC 3463) of an address that is not there.
NO_SUCH_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


class MailChannel(ChannelStrategy):
    def __init__(self, campaign: Campaign) -> None:
        super().__init__(campaign)
        connection: Any = get_connection()
        # A server that hangs would hold the worker for good.
        if getattr(connection, "timeout", 0) is None:
            connection.timeout = app_settings.MAIL_TIMEOUT_SECONDS
        self.connection = connection

    @classmethod
    def what_is_missing(cls, messaging: Any) -> list[str]:
        reasons = [
            (
                not app_settings.BASE_URL,
                _("the setting MARKETING.BASE_URL does not say where to unsubscribe."),
            ),
            (
                not isinstance(get_adapter(), KnowsContacts),
                _("the shop's adapter does not say how to reach customers (contacts)."),
            ),
        ]
        return [reason for is_missing, reason in reasons if is_missing]

    def open(self) -> None:
        try:
            self.connection.open()
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError from error

    def unreachable(self, rows: Sequence[Delivery], contacts: Mapping[str, Contact]) -> dict[int, str]:
        known = {row.pk: contacts.get(row.customer.external_id) for row in rows}
        emails = {pk: contact.email for pk, contact in known.items() if contact and is_address(contact.email)}
        suppressed = suppressing.suppressed(emails.values(), storefront=self.campaign.storefront)
        reasons = {pk: _("the address is suppressed") for pk, email in emails.items() if email in suppressed}
        return reasons | {pk: _("cannot be reached by e-mail") for pk in known if pk not in emails}

    @property
    def can_tell(self) -> bool:
        return hasattr(self.connection, "find_message_ids")

    def arrived(self, rows: Sequence[Delivery]) -> set[int] | None:
        """Ask a backend with a method `find_message_ids(ids)`; any other cannot say."""
        if not self.can_tell:
            return None
        ids = {self._message_id(row): row.pk for row in rows}
        return {ids[found] for found in self.connection.find_message_ids(list(ids))}

    def _hand_over(self, one: Ready) -> None:
        row, contact = one.row, one.contact
        assert contact is not None  # noqa: S101  (see `unreachable`)
        with speaking(row.customer.language):
            mail = make_mail(
                subject=one.variant.subject, body=one.variant.body, values=one.values, to=contact.email,
                message_id=self._message_id(row), connection=self.connection,
                unsubscribe_url=unsubscribe_url(customer_pk=row.customer_id, delivery_pk=row.pk),
                preferences_url=preferences_url(customer_pk=row.customer_id, delivery_pk=row.pk),
                envelope_from=bounce_address(row.pk),
            )  # fmt: skip
        try:
            self.connection.send_messages([mail])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            self._refused(row, contact, error)
        except (OSError, smtplib.SMTPException) as error:
            # The line broke while this mail was on it: whether it arrived, nobody knows.
            row.state, row.reason = State.UNSURE, type(error).__name__
            self._hang_up()
            raise UnavailableError from error
        else:
            row.state = State.SENT

    def _refused(self, row: Delivery, contact: Contact, error: smtplib.SMTPException) -> None:
        """A bounce while the line is open: 4xx of RFC 5321 is for now, 5xx for good."""
        if _is_for_now(error):
            self.put_off(row, str(error))
            return
        self.refuse(row, str(error))
        if any(code in row.reason for code in NO_SUCH_ADDRESS):
            suppressing.note_problem(
                kind=MailProblem.Kind.HARD_BOUNCE, key=f"smtp:{row.pk}:{row.n_attempts}", email=contact.email,
                delivery=row, reason=row.reason, storefront=self.campaign.storefront,
            )  # fmt: skip

    def _hang_up(self) -> None:
        """A connection that broke is not used again."""
        try:
            self.connection.close()
        except (OSError, smtplib.SMTPException):
            self.connection.connection = None

    def _message_id(self, row: Delivery) -> str:
        domain = urlsplit(app_settings.BASE_URL).hostname or "localhost"
        return row.message_id(salt=self.campaign.salt, domain=domain)


def _is_for_now(error: smtplib.SMTPException) -> bool:
    """Whether the server only wants to be asked again."""
    refused = getattr(error, "recipients", None)
    codes = [code for code, _text in refused.values()] if refused else [getattr(error, "smtp_code", 500)]
    return all(400 <= code < 500 for code in codes)
