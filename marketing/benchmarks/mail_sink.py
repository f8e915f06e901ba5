"""A mail server and a shop for the benchmark: mails become lines of a file, everybody has an address."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend

from ecomai.commerce.adapters import Contact, ShopAdapter

#: Names the file in the environment, which worker processes inherit.
SINK = "ECOMAI_BENCHMARK_SINK"


class FileSink(BaseEmailBackend):
    """Takes each mail as one write of its id and recipient, and can say which it has got."""

    def send_messages(self, messages: Sequence[Any]) -> int:
        descriptor = os.open(os.environ[SINK], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            for message in messages:
                message.message().as_bytes()  # as a real server gets it
                (to,) = message.to
                os.write(descriptor, f"{message.extra_headers['Message-ID']} {to}\n".encode())
        finally:
            os.close(descriptor)
        return len(messages)

    def find_message_ids(self, ids: Sequence[str]) -> set[str]:
        return set(ids) & {line.split(" ", 1)[0] for line in read_sink()}


def read_sink() -> list[str]:
    path = Path(os.environ[SINK])
    return path.read_text().splitlines() if path.exists() else []


class SinkShop(ShopAdapter):
    def contacts(self, *, customer_ids: Sequence[str], storefront: str) -> Mapping[str, Contact]:
        return {each: Contact(email=f"{each}@customers.example", name="Mia") for each in customer_ids}
