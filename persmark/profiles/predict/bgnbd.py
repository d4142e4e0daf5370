"""BG/NBD and Gamma-Gamma: how often buyers come back, and what they spend, from three numbers each.

What every other prediction of spend and activity is measured against. A buyer's history is the number
of repeat purchases `x`, the age at the last of them `t_x` and the age now `T`, in any one unit of time.

Sources: Fader, Hardie, Lee, "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD
Model", Marketing Science 24(2), 2005; Fader, Hardie, "The Gamma-Gamma Model of Monetary Value", 2013.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from persmark.errors import EmptyError
from persmark.text import text

Floats = npt.NDArray[np.float64]

# The fewest buyers with a repeat purchase that parameters are fitted to.
LEAST_REPEATERS = 20
# Of a parameter's logarithm, so that a flat likelihood cannot run away: rates that differ by less than a
# tenth over buyers are as good as equal.
_LOG_BOUND = 7.0
_LOG_R_BOUND = 4.6


@dataclass(frozen=True)
class BgNbd:
    """Purchases come at a rate that is gamma(r, alpha) over buyers; after each, a buyer leaves with a
    probability that is beta(a, b) over buyers."""

    r: float
    alpha: float
    a: float
    b: float

    def expected(self, x: Floats, t_x: Floats, age: Floats, ahead: float) -> Floats:
        """Mean number of purchases in the next `ahead` units of time (their equation 10).

        The hypergeometric function is taken through Euler's transformation, in which nothing grows
        with the number of purchases.
        """
        from scipy.special import hyp2f1

        r, alpha, a, b = astuple(self)
        z = ahead / (alpha + age + ahead)
        gone = 1.0 - (1.0 - z) ** (a - 1.0) * hyp2f1(a + b - 1.0 - r, a - 1.0, a + b + x - 1.0, z)
        found: Floats = (a + b + x - 1.0) / (a - 1.0) * gone * self.alive(x, t_x, age)
        return found

    def alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Chance that the buyer has not left."""
        died, lives = self._parts(x, t_x, age)
        found: Floats = 1.0 / (1.0 + np.exp(died - lives))
        return found

    def none(self, x: Floats, t_x: Floats, age: Floats, ahead: float) -> Floats:
        """Chance of no purchase in the next `ahead` units of time.

        Only a purchase can be followed by leaving, so who is still there without one has a likelihood
        of the same form with `age + ahead` in the place of `age`.
        """
        died, lives = self._parts(x, t_x, age)
        still = -(self.r + x) * np.log(self.alpha + age + ahead)
        found: Floats = np.exp(np.logaddexp(still, died) - np.logaddexp(lives, died))
        return found

    def _parts(self, x: Floats, t_x: Floats, age: Floats) -> tuple[Floats, Floats]:
        """Logarithms of the likelihood's two parts: left after the last purchase, or still there."""
        lives = -(self.r + x) * np.log(self.alpha + age)
        with np.errstate(divide="ignore", invalid="ignore"):
            died = np.log(self.a / (self.b + x - 1.0)) - (self.r + x) * np.log(self.alpha + t_x)
        return np.where(x > 0, died, -np.inf), lives


@dataclass(frozen=True)
class GammaGamma:
    """A buyer's purchases are worth gamma(p, nu) each, nu being gamma(q, v) over buyers."""

    p: float
    q: float
    v: float

    def expected(self, n: Floats, mean: Floats) -> Floats:
        """Mean worth of a buyer's next purchases, given the mean of `n` so far (their equation 5)."""
        found: Floats = self.p * (self.v + n * mean) / (self.p * n + self.q - 1.0)
        return found


def bgnbd_likelihood(params: Floats, x: Floats, t_x: Floats, age: Floats) -> tuple[float, Floats]:
    """Log-likelihood of all buyers, and its slope by each of (r, alpha, a, b)."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = params
    died, lives = BgNbd(r, alpha, a, b)._parts(x, t_x, age)
    both = np.logaddexp(died, lives)
    total = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + both
    )  # fmt: skip
    w_died, w_lives = np.exp(died - both), np.exp(lives - both)
    whole = digamma(a + b) - digamma(a + b + x)
    left = np.where(x > 0, w_died / np.where(x > 0, b + x - 1.0, 1.0), 0.0)
    slopes = (
        digamma(r + x) - digamma(r) + np.log(alpha)
        - w_lives * np.log(alpha + age) - w_died * np.log(alpha + t_x),
        r / alpha - (r + x) * (w_lives / (alpha + age) + w_died / (alpha + t_x)),
        whole + w_died / a,
        whole + digamma(b + x) - digamma(b) - left,
    )  # fmt: skip
    return float(total.sum()), np.array([slope.sum() for slope in slopes])


def gamma_gamma_likelihood(params: Floats, n: Floats, mean: Floats) -> tuple[float, Floats]:
    """Log-likelihood of all buyers, and its slope by each of (p, q, v)."""
    from scipy.special import digamma, gammaln

    p, q, v = params
    pn, whole = p * n, v + mean * n
    total = (
        gammaln(pn + q) - gammaln(pn) - gammaln(q) + q * np.log(v)
        + (pn - 1.0) * np.log(mean) + pn * np.log(n) - (pn + q) * np.log(whole)
    )  # fmt: skip
    slopes = (
        n * (digamma(pn + q) - digamma(pn) + np.log(mean) + np.log(n) - np.log(whole)),
        digamma(pn + q) - digamma(q) + np.log(v) - np.log(whole),
        q / v - (pn + q) / whole,
    )
    return float(total.sum()), np.array([slope.sum() for slope in slopes])


def _maximised(likelihood: object, start: tuple[float, ...], *data: Floats) -> Floats:
    """Where the likelihood is greatest, searched over the parameters' logarithms."""
    from scipy.optimize import minimize

    n = len(data[0])

    def loss(logs: Floats) -> tuple[float, Floats]:
        params = np.exp(logs)
        value, slope = likelihood(params, *data)  # type: ignore[operator]
        return -value / n, -slope * params / n

    bounds = [(-_LOG_BOUND, _LOG_R_BOUND), *[(-_LOG_BOUND, _LOG_BOUND)] * (len(start) - 1)]
    found = minimize(
        loss, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    return np.asarray(np.exp(found.x), dtype=np.float64)


def _too_few(n: int) -> EmptyError:
    return EmptyError(
        text("A purchase model needs {least} buyers with repeat purchases. Received: {n}.",
             least=LEAST_REPEATERS, n=n),
        title="Too few repeat buyers", hint="Load a longer history.",
    )  # fmt: skip


def fit_bgnbd(x: Floats, t_x: Floats, age: Floats) -> BgNbd:
    """The parameters under which these buyers are most likely.

    Args:
        x: (n_buyers,) repeat purchases.
        t_x: (n_buyers,) age at the last of them; 0 without.
        age: (n_buyers,) time since the first purchase, in the same unit.

    Raises:
        EmptyError: Fewer than `LEAST_REPEATERS` buyers came back.
    """
    if int((x > 0).sum()) < LEAST_REPEATERS:
        raise _too_few(int((x > 0).sum()))
    start = (1.0, float(np.mean(age)) / 4 + 1e-9, 0.5, 2.0)
    return BgNbd(*_maximised(bgnbd_likelihood, start, x, t_x, age).tolist())


def fit_gamma_gamma(n: Floats, mean: Floats) -> GammaGamma:
    """The parameters under which these buyers' mean purchases are most likely.

    Args:
        n: (n_buyers,) purchases behind each mean; those without any, and means of 0 or less, are
            left out.
        mean: (n_buyers,) mean worth of a purchase.

    Raises:
        EmptyError: Fewer than `LEAST_REPEATERS` buyers are left.
    """
    kept = (n > 0) & (mean > 0)
    if int(kept.sum()) < LEAST_REPEATERS:
        raise _too_few(int(kept.sum()))
    # The search sees means near one: its first step is then of a sensible size in any currency.
    scale = float(np.mean(mean[kept]))
    start = (2.0, 3.0, 1.0)
    p, q, v = _maximised(gamma_gamma_likelihood, start, n[kept], mean[kept] / scale).tolist()
    return GammaGamma(p, q, v * scale)
