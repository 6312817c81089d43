"""Turning points and slopes of contours that can be counted by hand."""

from __future__ import annotations

import numpy as np

from tonfall.features.functionals import slopes, turning_points


def test_a_contour_that_begins_with_a_fall_has_a_fall_first() -> None:
    contour = np.array([5.0, 3.0, 1.0, 4.0, 7.0, 10.0, 8.0])
    found = turning_points(contour)
    np.testing.assert_array_equal(found.places, [2, 5])
    np.testing.assert_array_equal(found.peaks, [False, True])
    rise, _, fall, _ = slopes(contour, found)
    np.testing.assert_allclose(rise, 9 / 0.03)
    # The stretch after the last peak counts with its own sign: (4 / 0.02 - 2 / 0.01) / 2.
    np.testing.assert_allclose(fall, 0, atol=1e-9)


def test_what_hardly_leaves_the_first_value_is_no_turning_point() -> None:
    contour = np.array([5.0, 5.2, 5.1, 1.0, 10.0, 2.0])
    np.testing.assert_array_equal(turning_points(contour).places, [3, 4])
