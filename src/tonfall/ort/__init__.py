"""Opening ONNX Runtime sessions: fixed threads, checked names and shapes."""

from tonfall.ort.session import Session, open_session

__all__ = ["Session", "open_session"]
