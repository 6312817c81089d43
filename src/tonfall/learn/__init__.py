"""Making models: recipes, data, networks, training and export; the one place for PyTorch."""

__all__: list[str] = []
