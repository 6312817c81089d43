"""Figures for dimensions agree with audmetric and SciPy, and divide by n."""

from __future__ import annotations

import warnings

import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from tonfall.errors import ProtocolError
from tonfall.evaluation.metrics import ccc, mae, mse, pearson

SERIES = arrays.arrays(
    np.float64, st.integers(3, 30), elements=st.floats(0, 1, width=32), unique=True
)


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(count)
    return truth, np.clip(0.3 * truth + 0.2 + 0.1 * rng.standard_normal(count), 0, 1)


CASES = {
    "random": drawn(0, 1000),
    "two items": (np.array([0.1, 0.9]), np.array([0.4, 0.5])),
    "an offset": (np.array([0.0, 0.1, 0.2]), np.array([0.5, 0.6, 0.7])),
    "one item": (np.array([0.1]), np.array([0.4])),
    "constant prediction": (np.array([0.0, 0.25, 1.0]), np.array([0.5, 0.5, 0.5])),
    "constant truth": (np.array([0.5, 0.5, 0.5]), np.array([0.0, 0.25, 1.0])),
    "the same constant": (np.array([0.5, 0.5]), np.array([0.5, 0.5])),
    "other constants": (np.array([0.25, 0.25]), np.array([0.5, 0.5])),
    "NaN": (np.array([0.1, np.nan, 0.3]), np.array([0.1, 0.2, 0.4])),
}


@pytest.fixture(params=CASES, name="pair")
def _pair(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    return CASES[request.param]


def test_ccc_is_audmetrics(pair):
    np.testing.assert_allclose(ccc(*pair), audmetric.concordance_cc(*pair), atol=1e-9)


def test_pearson_is_that_of_scipy(pair):
    if len(pair[0]) < 2:
        assert np.isnan(pearson(*pair))
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = stats.pearsonr(*pair).statistic
    np.testing.assert_allclose(pearson(*pair), expected, atol=1e-9)


def test_errors_are_audmetrics(pair):
    np.testing.assert_allclose(mse(*pair), audmetric.mean_squared_error(*pair), atol=1e-9)
    np.testing.assert_allclose(mae(*pair), audmetric.mean_absolute_error(*pair), atol=1e-9)


def test_ccc_divides_by_n_not_n_minus_one():
    # Variances 1/2 of each and covariance 1/2 with n - 1, 1/4 with n; the means are 1 apart.
    truth, prediction = np.array([0.0, 1.0]), np.array([1.0, 2.0])
    assert ccc(truth, prediction) == pytest.approx(2 * 0.25 / (0.25 + 0.25 + 1.0))
    assert ccc(truth, prediction) != pytest.approx(2 * 0.5 / (0.5 + 0.5 + 1.0))


def test_the_same_constant_has_no_ccc_whatever_rounding_makes_of_its_mean():
    assert np.isnan(ccc([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]))
    assert ccc([0.1, 0.1, 0.1], [0.3, 0.1, 0.2]) == 0.0


def test_without_items_every_figure_is_nan():
    assert np.isnan([figure([], []) for figure in (ccc, pearson, mse, mae)]).all()


def test_other_shapes_are_refused():
    with pytest.raises(ProtocolError, match=r"shape \(2,\) and prediction \(3,\)"):
        ccc([0.0, 1.0], [0.0, 1.0, 2.0])


@given(SERIES)
def test_what_agrees_has_ccc_one(series):
    assert ccc(series, series) == pytest.approx(1.0)


@given(SERIES, st.floats(0.01, 1.0))
def test_an_offset_lowers_ccc_but_not_pearson(series, offset):
    assert ccc(series, series + offset) < 1.0
    assert pearson(series, series + offset) == pytest.approx(1.0, abs=1e-6)
