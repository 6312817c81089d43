"""Networks of our own, each readable in its file, and how their outputs add up over pieces."""

from tonfall.learn.nets.front import NetworkFront, build_network
from tonfall.learn.nets.weights import load_weights, save_weights

__all__ = ["NetworkFront", "build_network", "load_weights", "save_weights"]
