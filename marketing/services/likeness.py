"""Vectors of customers, made anew each night, and segments of the customers most like those of another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.exceptions import ConflictError, InvalidInputError
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import store_vectors
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job
from ecomai.registry.services.access import write_audit

from ..app_settings import app_settings
from ..likeness.favourites import Favourites
from ..likeness.similar import Similar, find_similar
from ..likeness.tastes import TASTE_DIMENSIONS, current_encoder
from ..likeness.vectors import customer_vectors, ready_version, scaling_of
from ..models import CustomerProfile, Lookalike, Segment, SegmentMember, VectorVersion
from ..models.likeness import ENCODER_PREFIX, MOST_SIMILAR
from ..profiling.favourites import KINDS, favourites_of
from .clusters import propose_clusters
from .memberships import update_memberships, write_changes
from .segments import create_segment

VECTORS_KIND, SIMILAR_KIND = "marketing.vectors", "marketing.similar"
#: Customers from whom means and spreads of habits are taken.
N_SCALED = 20_000
TASTE_FIELDS = ("smoothed_tastes", *KINDS)


def start_vectors() -> Job | None:
    """Queue a job that makes all vectors anew; None while one waits or runs, or nobody may be addressed."""
    unfinished = Job.objects.filter(kind=VECTORS_KIND).exclude(state__in=Job.FINISHED_STATES)
    if unfinished.exists() or not CustomerProfile.objects.filter(has_consent=True).exists():
        return None
    return enqueue_job(kind=VECTORS_KIND, label=_("Who is like whom"))


def run_vectors(job: RunningJob) -> dict[str, Any]:
    """Make a version of vectors, find similar customers anew, propose groups.

    Goes on where a killed worker stopped: version, last customer and the sum of tastes are in the job's row.
    """
    state = dict(job.job.result or {})
    if "version" not in state:
        state |= {"version": _new_version().pk, "last": 0, "sum": [0.0] * TASTE_DIMENSIONS, "n": 0}
    version = VectorVersion.objects.get(pk=state["version"])
    favourites = Favourites(now=version.created_at, encoder=version.item_encoder)
    last_pk = CustomerProfile.objects.aggregate(last=Max("pk"))["last"] or 0
    while not version.is_ready and (pks := _next(state["last"])):
        tastes = _store(version, pks)
        update_memberships(_write_favourites(favourites.of(pks)))
        state["sum"] = (np.array(state["sum"]) + tastes.sum(axis=0)).tolist()
        state |= {"last": pks[-1], "n": state["n"] + len(tastes)}
        Job.objects.filter(pk=job.job.pk).update(result=state)
        job.report(0.8 * pks[-1] / max(last_pk, 1), _("Reading what customers take"))
    _finish(version, state)
    job.report(0.8, _("Finding similar customers"))
    for lookalike in Lookalike.objects.filter(is_refreshed=True, segment__is_archived=False).order_by("pk"):
        refresh_lookalike(lookalike, version=version)
    job.report(0.9, _("Looking for groups"))
    n_clusters = propose_clusters(version)
    return state | {"n_clusters": n_clusters}


def _new_version() -> VectorVersion:
    now = timezone.now()
    profiles = CustomerProfile.objects.filter(has_consent=True).order_by("-updated_at", "pk")
    pks = list(profiles.values_list("pk", flat=True)[:N_SCALED])
    return VectorVersion.objects.create(
        item_encoder=current_encoder(), created_at=now, scaling=scaling_of(pks, now=now)
    )


def _next(after: int) -> list[int]:
    rows = CustomerProfile.objects.filter(has_consent=True, pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", flat=True)[: app_settings.BATCH_SIZE])


def _store(version: VectorVersion, pks: Sequence[int]) -> np.ndarray:
    """Store a batch's vectors; their profiles are locked, so that a refusal meanwhile is not missed."""
    vectors = customer_vectors(
        pks, now=version.created_at, encoder=version.item_encoder, scaling=version.scaling
    )
    with transaction.atomic():
        locked = CustomerProfile.objects.filter(pk__in=list(pks), has_consent=True).order_by("pk")
        allowed = set(locked.select_for_update(no_key=True).values_list("pk", flat=True))
        customers = Customer.objects.filter(pk__in=allowed).values_list("pk", "storefront", "external_id")
        places = {pk: place for place, pk in enumerate(pks)}
        by_storefront: dict[str, dict[str, np.ndarray]] = {}
        for pk, storefront, external_id in customers:
            by_storefront.setdefault(storefront, {})[external_id] = vectors[places[pk]]
        for storefront, found in by_storefront.items():
            store_vectors(entity="customer", encoder=version.encoder, vectors=found, storefront=storefront)
    return vectors[[places[pk] for pk in sorted(allowed)], :TASTE_DIMENSIONS]


def _write_favourites(found: dict[int, dict[str, Any]]) -> list[int]:
    """Keep smoothed tastes of those who may still be addressed; returns whose favourites are others now."""
    changed = []
    with transaction.atomic():
        rows = CustomerProfile.objects.filter(pk__in=found, has_consent=True).order_by("pk")
        profiles = list(rows.select_for_update(no_key=True).only(*TASTE_FIELDS, "tastes", "last_order_at"))
        for profile in profiles:
            if _take_tastes(profile, found[profile.pk]):
                changed.append(profile.pk)
        CustomerProfile.objects.bulk_update(profiles, TASTE_FIELDS, batch_size=500)
    return changed


def _take_tastes(profile: CustomerProfile, smoothed: dict[str, Any]) -> bool:
    """Set what was found, and the favourites that follow; returns whether these are others than before."""
    profile.smoothed_tastes = smoothed
    favourites = favourites_of(
        tastes=profile.tastes, smoothed=smoothed, last_order_at=profile.last_order_at
    )  # fmt: skip
    is_changed = any(getattr(profile, field) != name for field, name in favourites.items())
    for field, name in favourites.items():
        setattr(profile, field, name)
    return is_changed


def _finish(version: VectorVersion, state: dict[str, Any]) -> None:
    """Let the version be used, and forget earlier ones with their vectors."""
    n_habits = len(version.scaling["means"])
    middle = (np.array(state["sum"]) / max(state["n"], 1)).tolist() + [0.0] * n_habits
    with transaction.atomic():
        version.scaling = version.scaling | {"middle": middle}
        version.n_customers, version.is_ready = state["n"], True
        version.save(update_fields=["scaling", "n_customers", "is_ready"])
        VectorVersion.objects.filter(pk__lt=version.pk).delete()
        earlier = EntityVector.objects.filter(entity="customer", encoder__startswith=ENCODER_PREFIX)
        earlier.exclude(encoder=version.encoder).delete()


def forget_vectors(customer_pk: int) -> int:
    """Remove the vectors of a customer who may not be addressed any more."""
    with transaction.atomic():
        for profile in CustomerProfile.objects.select_for_update(no_key=True).filter(pk=customer_pk):
            _take_tastes(profile, {})
            profile.save(update_fields=TASTE_FIELDS)
    customer = Customer.objects.filter(pk=customer_pk).first()
    if customer is None:
        return 0
    vectors = EntityVector.objects.filter(
        entity="customer", encoder__startswith=ENCODER_PREFIX, storefront=customer.storefront,
        entity_id=customer.external_id,
    )  # fmt: skip
    return vectors.delete()[0]


# -- segments of similar customers ----------------------------------------------------------------


def create_lookalike(
    *, seed: Segment, name: str, n: int, is_refreshed: bool = False, user: Any = None
) -> Lookalike:
    """Write a segment of the `n` customers most like those of another; a worker finds them.

    Raises NameTakenError, InvalidInputError, and ConflictError while there are no vectors or no seeds.
    """
    if not 1 <= n <= MOST_SIMILAR:
        raise InvalidInputError(reason=_("from 1 to %(n)s customers can be found.") % {"n": MOST_SIMILAR})
    if ready_version() is None:
        raise ConflictError(reason=_("customers are not compared yet; that is done each night."))
    if not seed.members.exists():
        raise ConflictError(reason=_("nobody is in “%(name)s”.") % {"name": seed.name})
    with transaction.atomic():
        segment = create_segment(
            name=name, condition=None, kind=Segment.Kind.STATIC, user=user,
            description=_("Most like the customers of “%(name)s”.") % {"name": seed.name},
        )  # fmt: skip
        lookalike = Lookalike.objects.create(segment=segment, seed=seed, n=n, is_refreshed=is_refreshed)
        details = {"seed": seed.slug, "n": n}
        write_audit(action="segment_lookalike", subject=segment, user=user, details=details)
        enqueue_job(
            kind=SIMILAR_KIND, arguments={"lookalike": lookalike.pk}, label=segment.name, created_by=user
        )
    return lookalike


def run_similar(job: RunningJob) -> dict[str, Any]:
    """Find the customers of one such segment. Safe to run twice."""
    lookalike = Lookalike.objects.get(pk=job.arguments["lookalike"])
    return {"n": refresh_lookalike(lookalike)}


def refresh_lookalike(lookalike: Lookalike, *, version: VectorVersion | None = None) -> int:
    """Find them anew: who is no longer among the most alike leaves; returns how many are in it."""
    version = version or ready_version()
    if version is None:
        raise ConflictError(reason=_("customers are not compared yet; that is done each night."))
    found = similar_to(lookalike.seed, n=lookalike.n, version=version)
    with transaction.atomic():
        n = set_members(lookalike.segment, found.pks.tolist())
        lookalike.found_at = timezone.now()
        lookalike.found = {"version": version.pk, **alikeness_of(found)}
        lookalike.save(update_fields=["found_at", "found"])
    return n


def similar_to(seed: Segment, *, n: int, version: VectorVersion) -> Similar:
    members = SegmentMember.objects.filter(segment=seed).order_by("customer_id")
    return find_similar(version, list(members.values_list("customer_id", flat=True)), n=n)


def alikeness_of(found: Similar) -> dict[str, Any]:
    if not len(found.pks):
        return {}
    return {
        "least": round(float(found.alikeness.min()), 4), "mean": round(float(found.alikeness.mean()), 4),
        "n_seeds": found.n_seeds,
    }  # fmt: skip


def set_members(segment: Segment, pks: Sequence[int]) -> int:
    """Let exactly these be in a fixed segment, but who may not be addressed by now; returns how many."""
    profiles = CustomerProfile.objects.filter(pk__in=list(pks), has_consent=True).order_by("pk")
    allowed = set(profiles.select_for_update(no_key=True).values_list("pk", flat=True))
    current = set(SegmentMember.objects.filter(segment=segment).values_list("customer_id", flat=True))
    write_changes(
        segment, joined=sorted(allowed - current), left=sorted(current - allowed), at=timezone.now()
    )
    return len(allowed)
