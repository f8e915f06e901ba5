"""The doctor's trials: each part of the chain is used once, for real, and nothing stays behind."""

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from celery import current_app
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import KombuError

from ecomai.commerce.adapters import get_adapter
from ecomai.commerce.adapters.mapping import ModelMapping
from ecomai.commerce.models import Event, Item
from ecomai.commerce.services import ingest_events
from ecomai.registry.artifacts import artifact_storage
from ecomai.registry.models import Job

from .cards import Finding
from .models import QueueHeartbeat
from .selectors import queue_names

MESSAGE_EXPIRES_SECONDS = 60
TRY_FOLDER = "doctor"


@contextmanager
def _leaving_no_trace() -> Iterator[None]:
    """Take back all that is written in the block."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def round_trips(*, patience_seconds: float) -> list[Finding]:
    """Send each queue a message through the broker, and wait until a worker has answered in the database."""
    names = queue_names()
    before = _signs_of_life(names)
    started = time.monotonic()
    try:
        for name in names:
            _ask_for_a_sign(name)
    except (KombuError, OSError) as error:
        remedy = _("Start it, or mend CELERY_BROKER_URL. Jobs are kept meanwhile and start when it is back.")
        return [Finding(_("Message to a worker"), False, type(error).__name__, remedy)]
    seconds: dict[str, float] = {}
    while len(seconds) < len(names) and time.monotonic() - started < patience_seconds:
        time.sleep(0.1)
        now = _signs_of_life(names)
        for name in names:
            if now.get(name) != before.get(name):
                seconds.setdefault(name, time.monotonic() - started)
    return [_round_trip(name, seconds.get(name), patience_seconds) for name in names]


def _ask_for_a_sign(name: str) -> None:
    current_app.send_task(
        "ecomai.console.beat_queue", args=(name,), queue=name, expires=MESSAGE_EXPIRES_SECONDS, retry=False
    )


def _signs_of_life(names: Iterable[str]) -> dict[str, datetime]:
    rows = QueueHeartbeat.objects.filter(queue__in=list(names))
    return dict(rows.values_list("queue", "seen_at"))


def _round_trip(name: str, seconds: float | None, patience_seconds: float) -> Finding:
    title = _("Worker on queue %(queue)s") % {"queue": name}
    if seconds is not None:
        return Finding(title, True, _("answered in %(seconds).1f s") % {"seconds": seconds})
    held = Job.objects.filter(queue=name, state=Job.State.RUNNING, lease_until__gt=timezone.now())
    if held.exists():
        return Finding(title, True, _("busy with a job, and shows signs of life"))
    message = _("no answer within %(seconds)d s") % {"seconds": patience_seconds}
    remedy = _("Start one: celery -A <your project> worker -Q %(queue)s") % {"queue": name}
    return Finding(title, False, message, remedy)


def artifact_round_trip() -> Finding:
    """Write a file where models are kept, read it and delete it."""
    title, content = _("Storage of models"), uuid.uuid4().hex.encode()
    try:
        storage = artifact_storage()
        name = storage.save(f"{TRY_FOLDER}/{uuid.uuid4().hex}.json", ContentFile(content))
        with storage.open(name) as stream:
            is_same = stream.read() == content
        storage.delete(name)
    except Exception as error:  # whatever a storage raises: each has exceptions of its own
        remedy = _("Let web processes and workers write to it: REGISTRY.FOLDER or REGISTRY.STORAGE.")
        return Finding(title, False, f"{type(error).__name__}: {error}", remedy)
    message = _("written, read and deleted") if is_same else _("what was read is not what was written")
    return Finding(title, is_same, message, _("Look at the storage that REGISTRY.STORAGE names."))


def adapter_rows() -> list[Finding]:
    """Read the newest row of each model that the shop's adapter maps."""
    try:
        mappings = get_adapter().mappings()
    except ImportError as error:
        return [Finding(_("Adapter"), False, error, _("Mend COMMERCE.ADAPTER, a dotted path to a class."))]
    if not mappings:
        message = _("none: data comes by import, REST and tracker")
        return [Finding(_("Adapter"), True, message)]
    return [_adapter_row(mapping) for mapping in mappings]


def _adapter_row(mapping: ModelMapping) -> Finding:
    title = _("Adapter: %(model)s") % {"model": mapping.model}
    try:
        with transaction.atomic():
            rows = list(mapping.queryset().order_by("-pk")[:1])
            if mapping.attach:
                mapping.attach(rows)
            said = [mapping.read(row) for row in rows]
    except Exception as error:  # the shop's own code runs here
        remedy = _("Mend the mapping in the shop's adapter; a path names what the model does not have.")
        return Finding(title, False, f"{type(error).__name__}: {error}", remedy)
    if not said:
        return Finding(title, True, _("no row yet"))
    return Finding(title, True, _("reads %(name)s") % {"name": said[0].get("external_id") or rows[0].pk})


def event_round_trip() -> Finding:
    """Take an event in, look whether it is stored, and take it back."""
    title, key = _("Event in"), f"doctor-{uuid.uuid4().hex}"
    event = {"key": key, "type": "view", "session_id": key}
    storefront = ""
    if item := Item.objects.order_by("-pk").only("external_id", "storefront").first():
        event["item_id"], storefront = item.external_id, item.storefront
    remedy = _("Look at the database: its disk, its rights, its log.")
    try:
        with _leaving_no_trace():
            (result,) = ingest_events([event], storefront=storefront, source="doctor")
            n_stored = Event.objects.filter(session_id=key).count()
    except DatabaseError as error:
        return Finding(title, False, str(error).splitlines()[0], remedy)
    if result.status == "accepted" and n_stored == 1:
        return Finding(title, True, _("stored, and taken back"))
    return Finding(title, False, result.reason or result.status, remedy)
