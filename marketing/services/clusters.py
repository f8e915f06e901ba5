"""Groups of customers that nobody asked for: found in their vectors, described, and offered as segments."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import ConflictError
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.services.access import write_audit

from ..likeness.describing import describe, names_of, sentences_of_group
from ..likeness.vectors import Block, blocks
from ..models import Cluster, Segment, VectorVersion
from .segments import create_segment

CLUSTER_KIND = "marketing.cluster"
#: Fewer customers have no groups; so many are learned from, and judged on, at most.
LEAST_CUSTOMERS, MOST_LEARNED, MOST_JUDGED = 50, 50_000, 2_000
N_CLUSTERS = range(3, 9)
#: A group is described by so many of its customers.
MOST_DESCRIBED = 10_000
SEED = 0
Vectors = NDArray[np.float32]


def propose_clusters(version: VectorVersion) -> int:
    """Find groups, largest first, and write what sets them apart; the same each time. Returns how many."""
    sample = _sample(version)
    if len(sample) < LEAST_CUSTOMERS:
        return 0
    middles = find_middles(sample)
    counts = np.zeros(len(middles), dtype=np.int64)
    members: list[list[int]] = [[] for _each in middles]
    for block in blocks(version):
        nearest = _nearest(block, middles)
        counts += np.bincount(nearest, minlength=len(middles))
        for number, known in enumerate(members):
            known += block.pks[nearest == number][: MOST_DESCRIBED - len(known)].tolist()
    order = np.argsort(-counts, kind="stable")
    now = timezone.now()
    rows = [
        Cluster(
            version=version, place=place, n=int(counts[number]), middle=middles[number].tolist(),
            description=describe(members[number], now=now).as_json(),
        )
        for place, number in enumerate(order, start=1)
        if counts[number]
    ]  # fmt: skip
    with transaction.atomic():
        Cluster.objects.filter(version=version).delete()
        Cluster.objects.bulk_create(rows)
    return len(rows)


def find_middles(vectors: Vectors) -> Vectors:
    """Return the middles of as many groups as are told apart best, by silhouette on a part."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import silhouette_score

    judged = vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), MOST_JUDGED)).astype(int)]
    best, found = -np.inf, vectors[:1]
    for k in N_CLUSTERS:
        if k >= len(vectors):
            break
        model = MiniBatchKMeans(n_clusters=k, random_state=SEED, n_init=5, batch_size=4096).fit(vectors)
        labels = model.predict(judged)
        if len(set(labels.tolist())) < 2:
            continue
        score = float(silhouette_score(judged, labels))
        if score > best:
            best, found = score, model.cluster_centers_.astype(np.float32)
    return found


def _sample(version: VectorVersion) -> Vectors:
    """Vectors spread evenly over all customers."""
    step = max(version.n_customers // MOST_LEARNED, 1)
    parts = [block.vectors[::step] for block in blocks(version)]
    return np.concatenate(parts) if parts else np.empty((0, 1), dtype=np.float32)


def _nearest(block: Block, middles: Vectors) -> NDArray[np.int64]:
    distances = (middles**2).sum(axis=1) - 2 * block.vectors @ middles.T
    return distances.argmin(axis=1)


def proposed_names(version_pk: int) -> dict[int, str]:
    """Return what the groups of a version are called, by primary key, in the active language."""
    rows = list(Cluster.objects.filter(version=version_pk).order_by("place"))
    return dict(zip((row.pk for row in rows), names_of([row.description for row in rows]), strict=True))


# -- one of them as a segment ---------------------------------------------------------------------


def adopt_cluster(cluster: Cluster, *, user: Any = None) -> Segment:
    """Write a fixed segment of a proposed group under its name; a worker puts its customers in.

    Raises NameTakenError, and ConflictError for a group that is a segment already.
    """
    with transaction.atomic():
        locked = Cluster.objects.select_for_update().get(pk=cluster.pk)
        if locked.segment_id is not None:
            raise ConflictError(reason=_("this group is a segment already."))
        segment = create_segment(
            name=proposed_names(locked.version_id)[locked.pk], condition=None, user=user,
            kind=Segment.Kind.STATIC,
            description=" ".join(sentences_of_group(locked.description))[:500],
        )  # fmt: skip
        locked.segment = segment
        locked.save(update_fields=["segment"])
        write_audit(action="segment_of_group", subject=segment, user=user, details={"n": locked.n})
        enqueue_job(kind=CLUSTER_KIND, arguments={"cluster": locked.pk}, label=segment.name, created_by=user)
    return segment


def run_cluster(job: RunningJob) -> dict[str, Any]:
    """Put the customers of a proposed group into its segment. Safe to run twice."""
    from .likeness import set_members

    cluster = Cluster.objects.select_related("segment", "version").get(pk=job.arguments["cluster"])
    if cluster.segment is None:
        return {"n": 0}
    pks = [pk for part in _members(cluster) for pk in part]
    with transaction.atomic():
        return {"n": set_members(cluster.segment, pks)}


def _members(cluster: Cluster) -> Iterator[list[int]]:
    rows = list(Cluster.objects.filter(version=cluster.version).order_by("place"))
    middles = np.array([row.middle for row in rows], dtype=np.float32)
    own = [row.pk for row in rows].index(cluster.pk)
    for block in blocks(cluster.version):
        yield block.pks[_nearest(block, middles) == own].tolist()
