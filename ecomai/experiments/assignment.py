"""Who belongs to which arm: a hash of salt and visitor, so that nothing has to be stored or looked up."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WHOLE = 2**64


@dataclass(frozen=True)
class ArmPart:
    """An arm as processes remember it."""

    id: int
    name: str
    configuration: Mapping[str, Any]
    is_control: bool
    is_removed: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An experiment as processes remember it; `allocation` has the arms' weights as frozen at the start."""

    id: int
    slug: str
    subject: str
    unit: str
    salt: str
    traffic_share: float
    holdout_share: float
    allocation: tuple[tuple[int, int], ...]
    arms: Mapping[int, ArmPart]
    winner_id: int | None = None
    is_rolled_out: bool = False

    @property
    def control(self) -> ArmPart | None:
        return next((arm for arm in self.arms.values() if arm.is_control), None)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a visitor is to see. `is_counted` says whether seeing it belongs into the results."""

    experiment_id: int
    experiment: str
    arm_id: int
    arm: str
    configuration: Mapping[str, Any]
    unit: str
    unit_id: str
    storefront: str = ""
    is_holdout: bool = False
    is_counted: bool = field(default=True)


def draws(salt: str, storefront: str, unit_id: str) -> tuple[float, float, float]:
    """Return three independent numbers from 0 to 1 that are always the same for a visitor."""
    digest = hashlib.sha256(f"{salt}\0{storefront}\0{unit_id}".encode()).digest()
    first, second, third = (int.from_bytes(digest[start : start + 8]) / _WHOLE for start in (0, 8, 16))
    return first, second, third


def place(plan: Plan, *, unit_id: str, storefront: str = "") -> Assignment | None:
    """Return what a visitor is to see; None where it is what the shop shows anyway.

    Visitors of an arm that has been taken out, or whose row is gone, see the control and are counted no more.
    """
    control = plan.control
    if control is None:
        return None
    for_holdout, for_traffic, for_arm = draws(plan.salt, storefront, unit_id)

    def see(arm: ArmPart, **more: bool) -> Assignment:
        return Assignment(
            experiment_id=plan.id, experiment=plan.slug, arm_id=arm.id, arm=arm.name, unit=plan.unit,
            configuration=arm.configuration, unit_id=unit_id, storefront=storefront, **more,
        )  # fmt: skip

    if for_holdout < plan.holdout_share:
        return see(control, is_holdout=True, is_counted=not plan.is_rolled_out)
    if plan.is_rolled_out:
        winner = plan.arms.get(plan.winner_id or 0)
        return see(winner, is_counted=False) if winner else None
    if for_traffic >= plan.traffic_share:
        return None
    arm = plan.arms.get(_arm_at(plan, for_arm))
    return see(control, is_counted=False) if arm is None or arm.is_removed else see(arm)


def _arm_at(plan: Plan, at: float) -> int:
    """Return whose part of the line from 0 to 1 a number lies in."""
    total = sum(weight for _arm, weight in plan.allocation)
    reached = 0
    for arm_id, weight in plan.allocation:
        reached += weight
        if at * total < reached:
            return arm_id
    return 0
