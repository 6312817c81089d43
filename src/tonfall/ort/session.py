"""A session of ONNX Runtime that says what is wrong, and never guesses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from tonfall.errors import BundleError
from tonfall.ort.once import OncePerProcess

__all__ = ["Session", "open_session", "open_shipped"]

Array = npt.NDArray[np.float32]


class Session:
    """An opened graph.

    Attributes:
        shapes: of each input; a dimension that may vary is a name or None.
    """

    def __init__(self, session: onnxruntime.InferenceSession, *, name: str) -> None:
        self._session = session
        self._name = name
        self.shapes: dict[str, list[int | str | None]] = {
            each.name: list(each.shape) for each in session.get_inputs()
        }

    def run(
        self, outputs: Sequence[str], feeds: Mapping[str, npt.NDArray[np.generic]]
    ) -> list[Array]:
        """Run the graph.

        Raises:
            BundleError: it failed; there is no result in its place.
        """
        try:
            return list(self._session.run(list(outputs), dict(feeds)))
        except Exception as error:
            shapes = ", ".join(f"{name} {value.shape}" for name, value in feeds.items())
            raise BundleError(
                f"{self._name}: the graph failed on {shapes} "
                f"({str(error).splitlines()[0][:200]}); check the bundle, or export it again."
            ) from error


def open_session(
    model: bytes | Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    threads: int = 1,
) -> Session:
    """Open a graph.

    Args:
        model: its bytes or its file.
        inputs: names that it must have.
        outputs: names that it must have; there may be more.
        threads: that one run may use.

    Raises:
        BundleError: the graph cannot be opened, or has other names.
    """
    name = model.name if isinstance(model, Path) else "graph"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        opened = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model),
            options,
            providers=["CPUExecutionProvider"],
        )
    except Exception as error:
        raise BundleError(
            f"{name}: ONNX Runtime cannot open it ({str(error).splitlines()[0][:200]}); "
            "get the file again, or install a newer onnxruntime."
        ) from error
    _check("inputs", [each.name for each in opened.get_inputs()], inputs, name, exactly=True)
    _check("outputs", [each.name for each in opened.get_outputs()], outputs, name, exactly=False)
    return Session(opened, name=name)


def open_shipped(
    file: Path,
    *,
    sha256: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    threads: int = 1,
) -> Session:
    """A graph that is installed with Tonfall, opened once a process.

    Args:
        file: the graph.
        sha256: of its content, hexadecimal.
        inputs: names that it must have.
        outputs: names that it must have; there may be more.
        threads: that one run may use.

    Raises:
        BundleError: the file is missing, was altered, or cannot be opened.
    """
    return _SHIPPED.get(
        (file, sha256, threads),
        lambda: open_session(
            _verified(file, sha256), inputs=inputs, outputs=outputs, threads=threads
        ),
    )


_SHIPPED = OncePerProcess[Session](most=8)


def _verified(file: Path, sha256: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{file.name}: this model of Tonfall's cannot be read ({error.strerror}); install "
            "Tonfall again."
        ) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(f"{file.name}: this model of Tonfall's was altered; install it again.")
    return content


def _check(
    kind: str, found: Sequence[str], expected: Sequence[str], name: str, *, exactly: bool
) -> None:
    missing = set(expected) - set(found)
    surplus = set(found) - set(expected) if exactly else set()
    if missing or surplus:
        raise BundleError(
            f"{name}: the graph has the {kind} {', '.join(found)}, but {', '.join(expected)} are "
            "expected; export the model again."
        )
