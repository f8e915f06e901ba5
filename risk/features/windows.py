"""Counts and amounts over sliding windows, in buckets: constant space, whatever happens in them.

A window of n buckets holds the current one, which is still filling, and the n - 1 before it.
"""

# A bucket is [number of the bucket since 1970, payments, other events, amount of the payments].
Bucket = list[float]

SECONDS = (300, 3600, 86_400)
MOST = (12, 24, 90)


def add(
    buckets: list[Bucket], at: float, *, seconds: int, most: int, is_payment: bool, amount: float
) -> None:
    """Count an event; forget buckets that no window reaches any more."""
    index = at // seconds
    if not buckets or buckets[-1][0] < index:
        buckets.append([index, 0, 0, 0.0])
    last = buckets[-1]
    if is_payment:
        last[1] += 1
        last[3] += amount
    else:
        last[2] += 1
    while buckets[0][0] <= last[0] - most:
        del buckets[0]


def total(buckets: list[Bucket], at: float, *, seconds: int, n: int) -> tuple[float, float, float]:
    """Return payments, other events and the amount within the newest n buckets."""
    oldest = at // seconds - n
    payments = others = amount = 0.0
    for index, n_payments, n_others, value in reversed(buckets):
        if index <= oldest:
            break
        payments += n_payments
        others += n_others
        amount += value
    return payments, others, amount
