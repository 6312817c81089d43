"""Scoring: a loaded bundle, its baseline, and the scores of turns."""

from tonfall.runtime.baseline import Baseline, gate_weight, prior_baseline
from tonfall.runtime.clip import FLOOR, clip_pieces, cut_pieces, frame_weights
from tonfall.runtime.predictor import Judgement, Predictor, load
from tonfall.runtime.turns import scored_turn, turn_scores

__all__ = [
    "FLOOR",
    "Baseline",
    "Judgement",
    "Predictor",
    "clip_pieces",
    "cut_pieces",
    "frame_weights",
    "gate_weight",
    "load",
    "prior_baseline",
    "scored_turn",
    "turn_scores",
]
