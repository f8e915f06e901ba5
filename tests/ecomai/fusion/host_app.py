"""Erasers and exporters as a host's own app would register them."""

from ecomai.fusion.subjects import Subject

FAILING = {"on": True}


def failing_eraser(subject: Subject) -> dict[str, int]:
    if FAILING["on"]:
        raise ValueError(f"could not erase {subject.external_id}")
    return {"things": 1}


def dying_eraser(subject: Subject) -> dict[str, int]:
    """As if the process were killed in the middle."""
    if FAILING["on"]:
        raise KeyboardInterrupt
    return {}


def know_coupons(subject: Subject) -> dict[str, list[str]]:
    return {"coupons": [f"coupon of {subject.external_id}"]}
