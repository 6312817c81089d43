"""One function a figure: arrays of truth and prediction in, a number or a table out."""

from tonfall.evaluation.metrics.agreement import jensen_shannon
from tonfall.evaluation.metrics.alarms import FALSE_ALARMS_PER_HOUR, recall_at_false_alarms
from tonfall.evaluation.metrics.calibration import (
    BINS,
    brier,
    expected_calibration_error,
    reliability,
)
from tonfall.evaluation.metrics.classification import (
    accuracy,
    confusion,
    f1,
    per_class,
    unweighted_recall,
)
from tonfall.evaluation.metrics.dimensions import ccc, mae, mse, pearson
from tonfall.evaluation.metrics.selective import risk_coverage, risk_coverage_area
from tonfall.evaluation.metrics.timelines import emotion_diarization_error

__all__ = [
    "BINS",
    "FALSE_ALARMS_PER_HOUR",
    "accuracy",
    "brier",
    "ccc",
    "confusion",
    "emotion_diarization_error",
    "expected_calibration_error",
    "f1",
    "jensen_shannon",
    "mae",
    "mse",
    "pearson",
    "per_class",
    "recall_at_false_alarms",
    "reliability",
    "risk_coverage",
    "risk_coverage_area",
    "unweighted_recall",
]
