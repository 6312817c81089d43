"""Opening ONNX Runtime sessions: fixed threads, checked names and shapes, once a process."""

from tonfall.ort.once import OncePerProcess
from tonfall.ort.session import Session, open_session, open_shipped

__all__ = ["OncePerProcess", "Session", "open_session", "open_shipped"]
