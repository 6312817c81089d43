"""Honest measurement: metrics, protocols, intervals and reports; tables in, figures out."""

__all__: list[str] = []
