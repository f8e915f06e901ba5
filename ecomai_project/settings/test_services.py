"""Which database and brokers the test suite uses: given by URL, found on this machine, or embedded."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
from kombu import Connection

from ecomai_project.embedded.places import Places

MIN_POSTGRES_VERSION = 140000
CANDIDATES = (
    "postgres://{user}@%2Fvar%2Frun%2Fpostgresql/postgres",
    "postgres://postgres:postgres@127.0.0.1:5432/postgres",
)
LOCAL_REDIS = "redis://127.0.0.1:6379/0"
LOCAL_RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"


@dataclass(frozen=True)
class Service:
    """One service of a test run: its URL or '', and where it comes from or why it is missing."""

    url: str
    origin: str

    @property
    def is_embedded(self) -> bool:
        return self.origin == "embedded"


def may_look_around() -> bool:
    return os.environ.get("ECOMAI_TEST_SERVICES", "") != "embedded"


def find_postgres(places: Places) -> Service:
    if url := os.environ.get("DATABASE_URL"):
        return Service(url, os.environ.get("ECOMAI_TEST_DATABASE_ORIGIN", "given by DATABASE_URL"))
    if may_look_around():
        for url in _local_databases():
            if can_make_databases(url):
                return Service(url, "found on this machine")
    return Service(places.database_url("postgres"), "embedded")


def _local_databases() -> Iterator[str]:
    user = os.environ.get("USER") or Path.home().name
    return (candidate.format(user=user) for candidate in CANDIDATES)


def can_make_databases(url: str) -> bool:
    query = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    try:
        with psycopg.connect(url, connect_timeout=1) as connection:
            row = connection.execute(query).fetchone()
            return connection.info.server_version >= MIN_POSTGRES_VERSION and bool(row and row[0])
    except psycopg.OperationalError:
        return False


def find_redis(places: Places) -> Service:
    if url := os.environ.get("REDIS_URL"):
        return Service(url, os.environ.get("ECOMAI_TEST_REDIS_ORIGIN", "given by REDIS_URL"))
    if may_look_around() and answers_as_redis(LOCAL_REDIS):
        return Service(LOCAL_REDIS, "found on this machine")
    return Service(places.redis_url(), "embedded")


def answers_as_redis(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def find_rabbitmq() -> Service:
    """Find RabbitMQ; there is no embedded one, so without it the tests that need it are skipped."""
    url = os.environ.get("CELERY_BROKER_URL", "")
    if url.startswith("amqp"):
        return Service(url, "given by CELERY_BROKER_URL")
    if not may_look_around():
        return Service("", "only embedded services were asked for")
    if answers_as_rabbitmq(LOCAL_RABBITMQ):
        return Service(LOCAL_RABBITMQ, "found on this machine")
    return Service("", "none answers on 127.0.0.1:5672; CELERY_BROKER_URL=amqp://... gives one")


def answers_as_rabbitmq(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=1) as connection:
            connection.connect()
            return True
    except (OSError, *Connection(url).connection_errors):
        return False
