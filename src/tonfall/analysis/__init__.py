"""Recordings in, timelines out; exports, pictures and the page."""

from tonfall.analysis.analyze import analyze, analyze_blocks
from tonfall.analysis.result import Analysis

__all__ = ["Analysis", "analyze", "analyze_blocks"]
