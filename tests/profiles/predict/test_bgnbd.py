"""BG/NBD and Gamma-Gamma against published figures and values worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from persmark.errors import EmptyError
from persmark.profiles.predict.bgnbd import (
    LEAST_REPEATERS,
    BgNbd,
    GammaGamma,
    bgnbd_likelihood,
    fit_bgnbd,
    fit_gamma_gamma,
    gamma_gamma_likelihood,
)

# Fader, Hardie & Lee (2005), table 2: CDNOW.
CDNOW = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
# Fader & Hardie (2013): CDNOW.
MONEY = GammaGamma(p=6.25, q=3.74, v=15.44)


def one(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_expected_purchases_equal_the_published_spreadsheet() -> None:
    # "Implementing the BG/NBD model in Excel": x = 2, t_x = 30.43, T = 38.86, 39 weeks ahead.
    (found,) = CDNOW.expected(one(2), one(30.43), one(38.86), 39.0)
    assert found == pytest.approx(1.226, abs=5e-4)


def test_expected_purchases_of_somebody_new_equal_the_published_column() -> None:
    # The same spreadsheet's E[X(t)], which a buyer of age 0 without repeats has.
    for weeks, published in (
        (0.1429, 0.0078),
        (1.0, 0.0532),
        (3.0, 0.1506),
        (31.8571, 1.0405),
        (78.0, 1.8576),
    ):
        (found,) = CDNOW.expected(one(0), one(0), one(0), weeks)
        # The column was worked out with more digits of the parameters than were published.
        assert found == pytest.approx(published, rel=5e-3)


def test_expected_purchases_stay_finite_for_a_buyer_of_every_day() -> None:
    (found,) = BgNbd(r=3.0, alpha=1.5, a=0.1, b=9.0).expected(one(330), one(52), one(52.1), 12.0)
    # At most the posterior rate without anybody leaving, (r + x) / (alpha + T) * t, and near it.
    assert 0.8 * 333 / 53.6 * 12 < found < 333 / 53.6 * 12


def test_no_purchase_without_repeats_is_the_gamma_mixture_alone() -> None:
    (found,) = CDNOW.none(one(0), one(0), one(10), 5.0)
    assert found == pytest.approx(((4.414 + 10) / (4.414 + 15)) ** 0.243)
    assert CDNOW.alive(one(0), one(0), one(10)) == pytest.approx(1.0)


def test_alive_and_no_purchase_with_repeats_are_worked_by_hand() -> None:
    x, t_x, age, ahead = 2.0, 30.43, 38.86, 39.0
    died = 0.793 / (2.426 + x - 1) * (4.414 + t_x) ** -(0.243 + x)
    lives = (4.414 + age) ** -(0.243 + x)
    still = (4.414 + age + ahead) ** -(0.243 + x)
    assert CDNOW.alive(one(x), one(t_x), one(age))[0] == pytest.approx(lives / (lives + died))
    assert CDNOW.none(one(x), one(t_x), one(age), ahead)[0] == pytest.approx((still + died) / (lives + died))


def test_likelihood_of_one_buyer_is_worked_by_hand() -> None:
    r, alpha, a, b = 0.5, 2.0, 1.0, 3.0
    x, t_x, age = 1.0, 2.0, 3.0
    # G(r + x) alpha^r / G(r) * B(a, b + x) / B(a, b)
    # * [(alpha + T)^-(r + x) + a / (b + x - 1) (alpha + t_x)^-(r + x)]
    gammas = 0.5 * math.sqrt(2.0) * (3.0 / 4.0)
    expected = math.log(gammas * (5.0**-1.5 + 1.0 / 3.0 * 4.0**-1.5))
    found, _ = bgnbd_likelihood(np.array([r, alpha, a, b]), one(x), one(t_x), one(age))
    assert found == pytest.approx(expected)


def test_slopes_equal_differences() -> None:
    x, t_x, age = one(0, 1, 2, 40), one(0, 1.71, 30.43, 50), one(38.86, 38.86, 38.86, 52)
    n, mean = one(1, 2, 9), one(5.0, 22.35, 3.2)
    cases = (
        (bgnbd_likelihood, np.array([0.243, 4.414, 0.793, 2.426]), (x, t_x, age)),
        (gamma_gamma_likelihood, np.array([6.25, 3.74, 15.44]), (n, mean)),
    )
    for likelihood, params, data in cases:
        _, slopes = likelihood(params, *data)
        for place in range(len(params)):
            step = np.zeros(len(params))
            step[place] = 1e-6
            difference = (likelihood(params + step, *data)[0] - likelihood(params - step, *data)[0]) / 2e-6
            assert slopes[place] == pytest.approx(difference, rel=1e-5)


def test_expected_worth_is_between_the_buyer_and_everybody() -> None:
    everybody = 6.25 * 15.44 / (3.74 - 1)
    assert everybody == pytest.approx(35.22, abs=0.01)  # Fader & Hardie (2013), section 4
    (one_time, many_times) = MONEY.expected(one(1, 500), one(80.0, 80.0))
    # A weighted mean of the two, the buyer's with p n / (p n + q - 1).
    assert one_time == pytest.approx((6.25 * 80 + 2.74 * everybody) / (6.25 + 2.74))
    assert many_times == pytest.approx(80, abs=0.1)


def test_a_fit_is_likelier_than_the_truth_it_came_from() -> None:
    rng = np.random.default_rng(5)
    n, truth = 600, BgNbd(r=0.8, alpha=4.0, a=0.7, b=2.5)
    rate, leaving = rng.gamma(truth.r, 1 / truth.alpha, n), rng.beta(truth.a, truth.b, n)
    x, t_x, age = np.zeros(n), np.zeros(n), rng.uniform(20, 40, n)
    for buyer in range(n):
        at = rng.exponential(1 / rate[buyer])
        while at < age[buyer]:
            x[buyer], t_x[buyer] = x[buyer] + 1, at
            if rng.random() < leaving[buyer]:
                break
            at += rng.exponential(1 / rate[buyer])
    found = fit_bgnbd(x, t_x, age)

    def likelihood(model: BgNbd) -> float:
        return bgnbd_likelihood(np.array([model.r, model.alpha, model.a, model.b]), x, t_x, age)[0]

    assert likelihood(found) > likelihood(truth)
    # What it promises is about what the truth does.
    promised, meant = (model.expected(x, t_x, age, 10.0).sum() for model in (found, truth))
    assert promised == pytest.approx(meant, rel=0.1)


def test_worth_is_fitted_in_any_currency() -> None:
    rng = np.random.default_rng(6)
    n = rng.integers(1, 9, 800).astype(float)
    nu = rng.gamma(3.74, 1 / 15.44, 800)
    mean = rng.gamma(6.25 * n, 1 / (nu * n))
    found, in_cents = fit_gamma_gamma(n, mean), fit_gamma_gamma(n, 100 * mean)
    assert found.p * found.v / (found.q - 1) == pytest.approx(35.2, rel=0.1)
    assert in_cents.v == pytest.approx(100 * found.v, rel=1e-3)


def test_too_few_repeat_buyers_are_refused() -> None:
    x = np.array([1.0] * (LEAST_REPEATERS - 1) + [0.0] * 50)
    with pytest.raises(EmptyError, match=r"needs 20 buyers with repeat purchases\. Received: 19\."):
        fit_bgnbd(x, x, x + 1)
    with pytest.raises(EmptyError, match=r"Received: 3\."):
        fit_gamma_gamma(one(1, 2, 3, 0, 1), one(4.0, 5.0, 6.0, 7.0, 0.0))
