"""Scoring: a loaded bundle, its baseline, and the scores of turns."""

from tonfall.runtime.baseline import Baseline, gate_weight, prior_baseline, starting_baseline
from tonfall.runtime.clip import clip_pieces
from tonfall.runtime.front import FrameStream, frame_stream, frames_of, look_ahead
from tonfall.runtime.pieces import (
    LEAST_SPEECH_S,
    cut_pieces,
    frame_weights,
    padded_piece,
    speech_seconds,
)
from tonfall.runtime.predictor import Judgement, Predictor, load
from tonfall.runtime.turns import scored_turn, turn_scores

__all__ = [
    "LEAST_SPEECH_S",
    "Baseline",
    "FrameStream",
    "Judgement",
    "Predictor",
    "clip_pieces",
    "cut_pieces",
    "frame_stream",
    "frame_weights",
    "frames_of",
    "gate_weight",
    "load",
    "look_ahead",
    "padded_piece",
    "prior_baseline",
    "scored_turn",
    "speech_seconds",
    "starting_baseline",
    "turn_scores",
]
