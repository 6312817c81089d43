"""A loaded bundle: frames in, affect out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.audio import Samples, as_recording, open_audio
from tonfall.bundle import Bundle, BundleSpec, bundled_models, find_bundle, read_bundle
from tonfall.emotion import Affect
from tonfall.errors import BundleError
from tonfall.ort import OncePerProcess, Session, open_session
from tonfall.runtime.baseline import Baseline, gate_weight, prior_baseline
from tonfall.runtime.clip import mono_clip, mono_pieces
from tonfall.runtime.encoding import Encoding, GraphEncoding, functionals

__all__ = ["Judgement", "Predictor", "load"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One window, judged.

    Attributes:
        affect: what it sounds like.
        pooled: (features,) float32, what a baseline learns from; never stored.
        gate: in [0, 1], how much this window may move the baseline.
        prior_gate: the same where it is judged against the model's own prior; None where nobody
            asked for it.
    """

    affect: Affect
    pooled: FloatArray
    gate: float
    prior_gate: float | None = None


class Predictor:
    """A model, ready to score.

    The graph has two parts. *Encode* turns pieces of frames into statistics that add up over
    pieces; *judge* takes the sum over a window and a baseline, and is cheap. So a second of audio
    is encoded once, however many windows it belongs to. Where the front end is functionals, the
    graph only judges: a window's statistics are the functionals of its sound.

    It can be pickled: another process opens the bundle again, by its name where it is installed
    with Tonfall, and else by its folder, which must be there.

    Args:
        bundle: a verified bundle.
        threads: of ONNX Runtime.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        self.spec: BundleSpec = bundle.spec
        self.name = bundle.spec.name
        self.hash = bundle.hash
        self._folder = bundle.folder
        self._threads = threads
        judge_inputs = ("statistics", "baseline") if self.spec.baseline else ("statistics",)
        front_end = self.spec.front_end
        encodes = front_end.kind != "functionals"
        self._session: Session = open_session(
            bundle.model,
            inputs=(*(("frames", "weights") if encodes else ()), *judge_inputs),
            outputs=(*(("encoded",) if encodes else ()), "pooled", "logits", "dimensions"),
            threads=threads,
        )
        self._no_windows = self._probe_judge_inputs(judge_inputs)
        self._no_pieces = self._probe_pieces() if encodes else {}
        self._encoding: Encoding = (
            GraphEncoding(self._session, self._no_windows)
            if encodes
            else functionals(front_end, model=self.name, width=self._width("statistics"))
        )
        self._check_outputs()

    def __repr__(self) -> str:
        return f"<Predictor {self.name}: {', '.join(self.labels)}>"

    def __reduce__(self) -> tuple[object, tuple[str, str, int]]:
        shipped = self.name in bundled_models() and find_bundle(self.name) == self._folder
        folder = self.name if shipped else str(self._folder.resolve())
        return _opened_again, (folder, self.hash, self._threads)

    @property
    def labels(self) -> tuple[str, ...]:
        """The label space, in the order of all probabilities."""
        return self.spec.labels

    def baseline(self) -> Baseline:
        """The prior: the baseline of a voice of which nothing was heard yet.

        Raises:
            BundleError: the model has no baseline.
        """
        if self.spec.baseline is None:
            raise BundleError(
                f"The model {self.name} has no baseline; it judges every window alone, so call "
                "predict instead of judge."
            )
        return prior_baseline(self.spec.baseline, self.hash)

    def encode(self, frames: FloatArray, weights: FloatArray) -> FloatArray:
        """Encode pieces.

        Args:
            frames: (pieces, context + piece frames, width) of the bundle's front end.
            weights: (pieces, context + piece frames) in [0, 1]: how surely each frame is speech
                that counts; 0 for context and padding.

        Returns:
            A float32 row a piece, which :meth:`combine` takes.
        """
        return self._encoding.encode(frames, weights)

    def combine(self, rows: Sequence[FloatArray] | FloatArray) -> FloatArray:
        """The (statistics,) of a window.

        Args:
            rows: of its pieces, in order, from :meth:`encode`.
        """
        return self._encoding.combine(np.asarray(rows, np.float32))

    def encode_clip(self, samples: FloatArray) -> tuple[FloatArray, float]:
        """The (statistics,) of a whole clip, and its seconds of speech.

        Args:
            samples: (1, n) float32 at 16 kHz.

        Raises:
            AudioError: the clip is silent, or too short.
        """
        frames, weights, seconds = mono_pieces(samples, front_end=self.spec.front_end)
        return self._encoding.clip(samples[0], frames, weights), seconds

    def judge_windows(
        self, statistics: FloatArray, baselines: Sequence[Baseline | None]
    ) -> list[Judgement]:
        """Judge windows, each against its own baseline (None: against the prior).

        Args:
            statistics: (windows, statistics), rows of :meth:`combine`.
            baselines: one a window.

        Raises:
            BundleError: a baseline of another model, or an output that is not finite.
        """
        feeds = {**self._no_pieces, "statistics": statistics}
        if self.spec.baseline:
            feeds["baseline"] = np.stack([self._mean_of(baseline) for baseline in baselines])
        pooled, logits, dimensions = self._session.run(["pooled", "logits", "dimensions"], feeds)
        if not all(np.isfinite(scores).all() for scores in (pooled, logits, dimensions)):
            raise BundleError(
                f"The model {self.name} gave scores that are not finite; nothing was judged. "
                "Check the audio for NaN or infinite samples."
            )
        return [self._judgement(*window) for window in zip(pooled, logits, dimensions, strict=True)]

    def predict(
        self, waveform: npt.ArrayLike | Path, *, sampling_rate: int | None = None
    ) -> Affect:
        """Judge a clip alone, against the prior.

        Args:
            waveform: path of a clip, or its samples: (samples,) or (channels, samples), integers
                or floats in [-1, 1]. Channels are averaged.
            sampling_rate: of the samples, in Hz; a file has its own.

        Raises:
            AudioError: the clip cannot be read or used, or is silent.
        """
        clip = as_recording(waveform, sampling_rate)
        if isinstance(clip, Samples):
            return self.predict_blocks([clip.waveform], sampling_rate=clip.sampling_rate)
        with open_audio(clip) as reader:
            return self.predict_blocks(reader, sampling_rate=reader.info.sampling_rate)

    def predict_blocks(self, blocks: Iterable[npt.ArrayLike], *, sampling_rate: int) -> Affect:
        """The same for a clip that comes in blocks, of which one is held at a time.

        Args:
            blocks: as the waveform of :meth:`predict`, from front to back.
            sampling_rate: in Hz.

        Raises:
            AudioError: a block cannot be used, or the clip is silent.
        """
        return self._judge_clip(blocks, sampling_rate, None)[0].affect

    def judge(
        self, waveform: npt.ArrayLike, *, sampling_rate: int, baseline: Baseline
    ) -> tuple[Affect, Baseline]:
        """Judge a clip against a baseline; return the affect and the baseline after it.

        Args:
            waveform: (samples,) or (channels, samples), as for :meth:`predict`.
            sampling_rate: in Hz.
            baseline: from :meth:`baseline` or an earlier call.

        Raises:
            AudioError: the waveform cannot be used, or is silent.
            BundleError: the baseline belongs to another model.
        """
        self.baseline()
        judgement, seconds = self._judge_clip([waveform], sampling_rate, baseline)
        after = baseline.updated(judgement.pooled, seconds=seconds, gate=judgement.gate)
        return judgement.affect, after

    def _judge_clip(
        self, blocks: Iterable[npt.ArrayLike], sampling_rate: int, baseline: Baseline | None
    ) -> tuple[Judgement, float]:
        samples = mono_clip(blocks, sampling_rate=sampling_rate)
        statistics, seconds = self.encode_clip(samples)
        return self.judge_windows(statistics[None], [baseline])[0], seconds

    def _judgement(
        self, pooled: FloatArray, logits: FloatArray, dimensions: FloatArray
    ) -> Judgement:
        scaled = logits.astype(np.float64) / self.spec.calibration.temperature
        exponentials = np.exp(scaled - scaled.max())
        probabilities = tuple(float(p) for p in exponentials / exponentials.sum())
        confidence = max(probabilities)
        named = dict(zip(self.spec.dimensions, map(float, dimensions), strict=False))
        affect = Affect(
            labels=self.labels,
            probabilities=probabilities,
            arousal=named.get("arousal"),
            valence=named.get("valence"),
            dominance=named.get("dominance"),
            confidence=confidence,
            unclear=confidence < self.spec.calibration.uncertain_below,
        )
        spec = self.spec.baseline
        gate = gate_weight(spec.gate, self.labels, probabilities) if spec else 0.0
        return Judgement(affect, pooled, gate)

    def _mean_of(self, baseline: Baseline | None) -> FloatArray:
        if baseline is None:
            return self.baseline().mean
        if baseline.model_hash != self.hash:
            raise BundleError(
                f"The baseline belongs to another model than {self.name}; start from "
                "model.baseline() of the model that judges."
            )
        return baseline.mean

    def _probe_judge_inputs(self, names: tuple[str, ...]) -> dict[str, FloatArray]:
        """Empty inputs of the judge part, of the widths that the graph asks for."""
        widths = {name: self._width(name) for name in names}
        if self.spec.baseline and len(self.spec.baseline.prior_mean) != widths["baseline"]:
            raise BundleError(
                f"The prior mean of {self.name} has {len(self.spec.baseline.prior_mean)} values, "
                f"but its graph takes {widths['baseline']}; export the model again."
            )
        return {name: np.zeros((0, width), np.float32) for name, width in widths.items()}

    def _width(self, name: str) -> int:
        shape = self._session.shapes[name]
        if len(shape) != 2 or not isinstance(shape[1], int):
            raise BundleError(
                f"The graph of {self.name} takes {name} of shape {shape}, but (windows, width) "
                "with a fixed width is expected; export the model again."
            )
        return shape[1]

    def _probe_pieces(self) -> dict[str, FloatArray]:
        """No pieces, of the shape of the bundle's; refuses a graph for others."""
        front_end = self.spec.front_end
        expected = (front_end.context_frames + front_end.piece_frames, front_end.width)
        shape = self._session.shapes["frames"]
        fixed = len(shape) == 3 and all(
            found == wanted or not isinstance(found, int)
            for found, wanted in zip(shape[1:], expected, strict=True)
        )
        if not fixed:
            raise BundleError(
                f"The graph of {self.name} takes frames of shape {shape}, but the front end "
                f"{front_end.kind} gives (pieces, {expected[0]}, {expected[1]}); export "
                "the model again."
            )
        none = np.zeros((0, *expected), np.float32)
        return {"frames": none, "weights": none[..., 0]}

    def _check_outputs(self) -> None:
        """Refuse a graph whose outputs do not fit what the bundle says of them."""
        named = {"logits": self.spec.labels, "dimensions": self.spec.dimensions}
        nothing = {**self._no_pieces, **self._no_windows}
        for (name, meant), found in zip(
            named.items(), self._session.run(list(named), nothing), strict=True
        ):
            if found.ndim != 2 or found.shape[1] != len(meant):
                raise BundleError(
                    f"The graph of {self.name} gives {name} of shape {found.shape}, but its "
                    f"bundle names {len(meant)} of them; export the model again."
                )


def _opened_again(name: str, expected: str, threads: int) -> Predictor:
    """The model that was pickled."""
    predictor = load(name, threads=threads)
    if predictor.hash != expected:
        raise BundleError(
            f"{name}: the model is another one than that which was pickled "
            f"({expected[:12]}...); load it anew."
        )
    return predictor


def load(name: str | Path = "medium", *, threads: int = 1) -> Predictor:
    """Load a bundled model by name, or a bundle from its folder; each once a process.

    A folder is read and verified each time, so a bundle that was exported anew is another model.

    Raises:
        BundleError: no such model, or a file of it is missing, altered or too new.
    """
    if str(name) in bundled_models():
        return _LOADED.get(
            (str(name), threads), lambda: Predictor(read_bundle(name), threads=threads)
        )
    bundle = read_bundle(name)
    key = (bundle.folder.resolve(), bundle.hash, threads)
    return _LOADED.get(key, lambda: Predictor(bundle, threads=threads))


_LOADED = OncePerProcess[Predictor](most=4)
