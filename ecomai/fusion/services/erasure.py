"""Erasing a customer everywhere, by one call."""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from ecomai.exceptions import PermissionDeniedError
from ecomai.fusion import erasers, file_erasers, registration, selectors, signals
from ecomai.fusion.exceptions import ErasureIncompleteError
from ecomai.fusion.models import ErasureRequest
from ecomai.fusion.subjects import Subject, subject_digest
from ecomai.registry.services import write_audit

logger = logging.getLogger(__name__)

Step = tuple[str, Callable[[Subject], Mapping[str, int]]]
MARKS = "registry.retrain_marks"
ERASE_PERMISSION = "ecomai_fusion.erase_customer"


def erase_customer(
    *, storefront: str, external_id: str, user: Any = None, actor_label: str = ""
) -> ErasureRequest:
    """Remove a customer from every table, file and cache, and return the receipt, which holds a hash only.

    Safe to call twice, and to call again after a crash: every step removes what is left. The
    customer's row goes last, and only when all other steps succeeded, because everything else is
    found by it; otherwise raises `ErasureIncompleteError`. Not one transaction on purpose: what is
    gone stays gone. Sends `customer_erased`. `user` needs the permission to erase; None is the system,
    or the customer.
    """
    if user is not None and not user.has_perm(ERASE_PERMISSION):
        raise PermissionDeniedError()
    request = _open_request(storefront=storefront, external_id=external_id, user=user)
    subject = selectors.find_subject(storefront=storefront, external_id=external_id)
    failed = [name for name, eraser in _steps(request) if not _run_step(request, name, eraser, subject)]
    if not failed and not _run_step(request, "fusion.customer", erasers.erase_customer_row, subject):
        failed = ["fusion.customer"]
    _close_request(request, failed)
    write_audit(
        action="erase_customer", subject=f"customer:{request.subject_digest[:12]}",
        user=user, actor_label=actor_label,
        details={"receipt": request.pk, "state": request.state},
    )  # fmt: skip
    if failed:
        raise ErasureIncompleteError(steps=", ".join(failed), details={"receipt": request.pk})
    transaction.on_commit(partial(signals.customer_erased.send, sender=ErasureRequest, subject=subject))
    return request


def _steps(request: ErasureRequest) -> Iterator[Step]:
    if MARKS not in request.report:  # it counts, so an erasure that goes on must not count again
        yield MARKS, erasers.mark_versions_for_retraining
    yield from registration.erasers()
    yield "commerce.rejected_rows", erasers.erase_rejected_rows
    yield "registry.labelling_tasks", erasers.erase_labelling_tasks
    yield "registry.records", erasers.scrub_records
    yield "registry.artifacts", file_erasers.erase_artifacts
    yield "registry.run_folders", file_erasers.erase_run_folders
    yield "django.sessions", erasers.erase_sessions
    yield "django.admin_log", erasers.scrub_admin_log
    yield "fusion.facts", erasers.erase_facts
    yield "fusion.vectors", erasers.erase_vectors
    yield "commerce.orders", erasers.deidentify_orders
    yield "commerce.events", erasers.erase_behaviour


def _open_request(*, storefront: str, external_id: str, user: Any) -> ErasureRequest:
    """Go on with the receipt of an interrupted erasure, or begin one."""
    digest = subject_digest(storefront=storefront, external_id=external_id)
    unfinished = ErasureRequest.objects.filter(subject_digest=digest).exclude(state=ErasureRequest.State.DONE)
    request = unfinished.order_by("pk").last()
    if request is None:
        return ErasureRequest.objects.create(storefront=storefront, subject_digest=digest, requested_by=user)
    request.state = ErasureRequest.State.RUNNING
    request.error_message = ""
    request.save(update_fields=["state", "error_message"])
    return request


def _run_step(
    request: ErasureRequest, name: str, eraser: Callable[[Subject], Mapping[str, int]], subject: Subject
) -> bool:
    """Run one step and add its counts to the receipt; whether it succeeded.

    One room's fault must not keep the others from erasing. Receipt and log name the error's class
    and place only: its message could quote the person.
    """
    try:
        with transaction.atomic():
            counts = eraser(subject)
    except Exception as error:
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error(
            "The eraser %s failed on receipt %s: %s\n%s", name, request.pk, type(error).__name__, frames
        )
        request.error_message = f"{request.error_message}{name}: {type(error).__name__}\n"
        request.save(update_fields=["error_message"])
        return False
    known = request.report.get(name, {})
    request.report[name] = {kind: known.get(kind, 0) + n for kind, n in counts.items()}
    request.save(update_fields=["report"])
    return True


def _close_request(request: ErasureRequest, failed: list[str]) -> None:
    request.state = ErasureRequest.State.FAILED if failed else ErasureRequest.State.DONE
    request.finished_at = None if failed else timezone.now()
    request.save(update_fields=["state", "finished_at"])
