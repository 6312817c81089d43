"""The laboratory: models by reference, measured under protocols, on calls and on sites."""

__all__: list[str] = []
