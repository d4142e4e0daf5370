"""Arms, power and differences between rates: arithmetic and assignment, no screens.

Assignment is *exact by hash order*: users are ordered by a salted SHA-256 and the first
`round(share * n)` of them are withheld. The share is therefore exact to the user, the order of the
rows does not matter, and anybody with the seed and the key can draw the same arms again. (The other
usual way, a threshold on the hash, keeps users in their arm when others join but only hits the share
on average; an audience is frozen once drawn, so exactness is worth more here.)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import pyarrow as pa

from persmark.columns import USER_ID
from persmark.errors import InputError
from persmark.text import text

ARM = "arm"
TARGET, HOLDOUT = "target", "holdout"
_NORMAL = NormalDist()


def hash_order(user_ids: Iterable[str], *, seed: int, key: str) -> list[str]:
    """The distinct users in an order that only the seed and the key decide.

    Args:
        user_ids: In any order; repeats are dropped.
        seed: Shown to people, written into the certificate.
        key: What is drawn for, such as an audience's name: draws under different keys are independent.
    """
    # The key's length keeps ("a", "bc") and ("ab", "c") apart.
    salt = hashlib.sha256(f"{seed}:{len(key)}:{key}:".encode())

    def place(user_id: str) -> tuple[bytes, str]:
        salted = salt.copy()
        salted.update(user_id.encode("utf-8", "surrogatepass"))
        return salted.digest(), user_id

    return sorted(set(user_ids), key=place)


def assign_arms(user_ids: Iterable[str], *, share: float, seed: int, key: str) -> pa.Table:
    """Withhold an exact share of the users at random, reproducibly.

    Args:
        user_ids: In any order; repeats are dropped.
        share: Of users to withhold, 0 to below 1; `floor(share * n + 1/2)` users are.
        seed: Same users, seed and key give the same arms.
        key: What is drawn for; see `hash_order`.

    Returns:
        (n_users, 2) ordered by user: `user_id`, `arm` (`target` or `holdout`).

    Raises:
        InputError: The share is outside 0 to 1.
    """
    _share(share)
    ordered = hash_order(user_ids, seed=seed, key=key)
    n_holdout = math.floor(share * len(ordered) + 0.5)
    arms = sorted([(user, HOLDOUT) for user in ordered[:n_holdout]] + [
        (user, TARGET) for user in ordered[n_holdout:]
    ])  # fmt: skip
    return pa.table(
        {
            USER_ID: pa.array([user for user, _ in arms], pa.string()),
            ARM: pa.array([arm for _, arm in arms], pa.string()),
        }
    )


def power(
    n_target: int, n_holdout: int, base_rate: float, difference: float, *, alpha: float = 0.05
) -> float:
    """Chance that a two-sided test of two proportions notices a true difference.

    Args:
        n_target: Users in the target arm.
        n_holdout: Users withheld.
        base_rate: Rate without the campaign, 0 to 1.
        difference: Rate with the campaign minus `base_rate`.
        alpha: Chance of a false alarm.

    Source: Fleiss, Levin, Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed.,
    section 4.2 (normal approximation, pooled variance under no difference, no continuity correction),
    as R's `power.prop.test`; the far tail is left out as there.
    """
    _groups(n_target, n_holdout)
    treated = base_rate + difference
    if not (0 <= base_rate <= 1 and 0 <= treated <= 1):
        raise InputError(
            text("Rates must lie between 0 and 1. Received: {a} and {b}.", a=base_rate, b=treated)
        )
    pooled = (n_target * treated + n_holdout * base_rate) / (n_target + n_holdout)
    no_effect = math.sqrt(pooled * (1 - pooled) * (1 / n_target + 1 / n_holdout))
    effect = math.sqrt(treated * (1 - treated) / n_target + base_rate * (1 - base_rate) / n_holdout)
    reach = abs(difference) - _NORMAL.inv_cdf(1 - alpha / 2) * no_effect
    if effect == 0:
        return float(reach > 0)
    return _NORMAL.cdf(reach / effect)


def minimum_detectable_difference(
    n_target: int, n_holdout: int, base_rate: float, *, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """The smallest rise of a rate that is noticed with this power.

    Args:
        n_target: Users in the target arm.
        n_holdout: Users withheld.
        base_rate: Rate without the campaign, 0 to 1.
        power: Chance to notice it.
        alpha: Chance of a false alarm (two-sided).

    Returns:
        A difference of rates (0.02 = two points); None where even a rise to 100% would be missed.
    """
    _groups(n_target, n_holdout)
    if not 0 <= base_rate <= 1:
        raise InputError(text("A base rate must lie between 0 and 1. Received: {rate}.", rate=base_rate))
    low, high = 0.0, 1 - base_rate
    if high == 0 or _power(n_target, n_holdout, base_rate, high, alpha=alpha) < power:
        return None
    # Power rises with the difference; 60 halvings are exact to the last bit of a float.
    for _ in range(60):
        middle = (low + high) / 2
        if _power(n_target, n_holdout, base_rate, middle, alpha=alpha) < power:
            low = middle
        else:
            high = middle
    return high


_power = power


@dataclass(frozen=True)
class DetectableLift:
    """What a test of one audience against its holdout could tell.

    Attributes:
        n_target: Users who get the campaign.
        n_holdout: Users withheld.
        base_rate: Rate without the campaign, 0 to 1.
        difference: Smallest rise of the rate that is noticed, 0.02 = two points; None where even a rise
            to 100% would be missed, or an arm is empty.
        lift: That rise relative to `base_rate`; None where there is no difference or no base rate.
        power: Chance to notice it.
        level: 1 minus the chance of a false alarm (two-sided).
    """

    n_target: int
    n_holdout: int
    base_rate: float
    difference: float | None
    lift: float | None
    power: float
    level: float


def detectable_lift(
    n_users: int, base_rate: float, holdout_share: float, power: float = 0.8, level: float = 0.95
) -> DetectableLift:
    """The smallest lift that a campaign to these users could show, by `power` above.

    Args:
        n_users: All users, the holdout included.
        base_rate: Rate without the campaign, 0 to 1.
        holdout_share: Of the users that is withheld, 0 to below 1; rounded as `assign_arms` rounds it.
        power: Chance to notice it.
        level: 1 minus the chance of a false alarm (two-sided).

    Raises:
        InputError: A share outside 0 to 1, or a base rate outside it.
    """
    _share(holdout_share)
    n_holdout = math.floor(holdout_share * n_users + 0.5)
    n_target = n_users - n_holdout
    difference = None
    if n_holdout and n_target:
        difference = minimum_detectable_difference(
            n_target, n_holdout, base_rate, power=power, alpha=1 - level
        )
    lift = difference / base_rate if difference is not None and base_rate else None
    return DetectableLift(n_target, n_holdout, base_rate, difference, lift, power, level)


def users_needed(
    base_rate: float, lift: float, holdout_share: float, power: float = 0.8, level: float = 0.95
) -> int | None:
    """How many users, the holdout included, would show this lift.

    Args:
        base_rate: Rate without the campaign, above 0 to 1.
        lift: Relative rise, 0.1 = a tenth more.
        holdout_share: Of the users that is withheld, above 0 and below 1.
        power: Chance to notice it.
        level: 1 minus the chance of a false alarm (two-sided).

    Returns:
        None where no number would do: the rate would pass 100%, or nobody is withheld.

    Raises:
        InputError: A share outside 0 to 1.

    Source: as `power`, solved for the number of users.
    """
    _share(holdout_share)
    treated = base_rate * (1 + lift)
    if not (holdout_share and 0 < base_rate < treated <= 1):
        return None
    target_share = 1 - holdout_share
    pooled = target_share * treated + holdout_share * base_rate
    no_effect = math.sqrt(pooled * (1 - pooled) * (1 / target_share + 1 / holdout_share))
    effect = math.sqrt(treated * (1 - treated) / target_share + base_rate * (1 - base_rate) / holdout_share)
    reach = _NORMAL.inv_cdf(0.5 + level / 2) * no_effect + _NORMAL.inv_cdf(power) * effect
    return math.ceil((reach / (treated - base_rate)) ** 2)


def _share(share: float) -> None:
    if not 0 <= share < 1:
        raise InputError(
            text("A holdout's share must be at least 0 and below 1. Received: {share}.", share=share),
            hint="0.1 withholds one user in ten.",
        )


@dataclass(frozen=True)
class RateDifference:
    """Two rates compared.

    Args:
        target_rate: Share of the target arm that converted.
        holdout_rate: Share of the holdout that converted.
        difference: The first minus the second.
        low: Lower end of the difference's interval.
        high: Upper end.
        lift: Difference relative to the holdout's rate; None where nobody in the holdout converted.
        level: Of the interval, such as 0.95.
    """

    target_rate: float
    holdout_rate: float
    difference: float
    low: float
    high: float
    lift: float | None
    level: float


def wilson(n_converted: int, n_users: int, *, level: float = 0.95) -> tuple[float, float]:
    """Score interval of one rate.

    Source: Wilson (1927), JASA 22, 209-212.
    """
    z = _NORMAL.inv_cdf(0.5 + level / 2)
    rate = n_converted / n_users
    middle = rate + z * z / (2 * n_users)
    reach = z * math.sqrt(rate * (1 - rate) / n_users + z * z / (4 * n_users * n_users))
    whole = 1 + z * z / n_users
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def rate_difference(
    target_converted: int, n_target: int, holdout_converted: int, n_holdout: int, *, level: float = 0.95
) -> RateDifference:
    """The target arm's rate minus the holdout's, with an interval that holds for small groups.

    Args:
        target_converted: Users of the target arm who converted.
        n_target: Users in the target arm.
        holdout_converted: Users of the holdout who converted.
        n_holdout: Users withheld.
        level: Of the interval.

    Raises:
        InputError: A group is empty, or more users converted than there are.

    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10 (hybrid score interval).
    """
    _groups(n_target, n_holdout)
    if not (0 <= target_converted <= n_target and 0 <= holdout_converted <= n_holdout):
        raise InputError(
            text(
                "Converted users must be 0 up to the users of their arm. Received: {a} of {n}, {b} of {m}.",
                a=target_converted, n=n_target, b=holdout_converted, m=n_holdout,
            )
        )  # fmt: skip
    target, holdout = target_converted / n_target, holdout_converted / n_holdout
    target_low, target_high = wilson(target_converted, n_target, level=level)
    holdout_low, holdout_high = wilson(holdout_converted, n_holdout, level=level)
    difference = target - holdout
    return RateDifference(
        target_rate=target,
        holdout_rate=holdout,
        difference=difference,
        low=difference - math.hypot(target - target_low, holdout_high - holdout),
        high=difference + math.hypot(target_high - target, holdout - holdout_low),
        lift=difference / holdout if holdout else None,
        level=level,
    )


def _groups(n_target: int, n_holdout: int) -> None:
    if n_target < 1 or n_holdout < 1:
        raise InputError(
            text("Both arms must hold users. Received: {n} in the target arm, {m} in the holdout.",
                 n=n_target, m=n_holdout),
            hint="Withhold a share above 0.",
        )  # fmt: skip
