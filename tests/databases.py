"""PostgreSQL databases for tests that need one of their own, such as those of another project."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from django.conf import settings


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """Make an empty database; yield its URL, and drop it afterwards, whoever is still connected."""
    name = f"test_ecomai_{name}_{uuid.uuid4().hex[:8]}"
    url = urlsplit(settings.TEST_DATABASE.url)
    with psycopg.connect(urlunsplit(url), autocommit=True) as link:
        link.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(url._replace(path="/" + quote(name)))
    finally:
        with psycopg.connect(urlunsplit(url), autocommit=True) as link:
            link.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
