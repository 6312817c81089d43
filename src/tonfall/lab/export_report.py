"""What an export changed: form, size, time and accuracy, before and after."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Accuracy", "ExportReport", "Likeness", "Side"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Side(_Entry):
    """A model, before or after.

    Attributes:
        name: of the bundle.
        form: "float32", or 8 bits: "dynamic" or "static".
        bytes: of the graph.
        milliseconds: of one core for a whole window, encoded and judged; the median.
    """

    name: str
    form: Literal["float32", "dynamic", "static"]
    bytes: int
    milliseconds: float


class Accuracy(_Entry):
    """Unweighted recall, in per cent, on the same items.

    Attributes:
        protocol: they are of.
        before: of the model that was exported; after is that of what came out.
        difference: after less before, in points; low and high bound its 95 % interval over
            speakers, where there are two at least.
        p: of a permutation test that swaps the models' answers speaker by speaker.
        learnt: corpora of the protocol that the model learnt from, of which figures say little.
    """

    protocol: str
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None
    p: float
    learnt: tuple[str, ...] = ()


class Likeness(_Entry):
    """How near the answers of a form are to those of the network.

    Attributes:
        form: such as "TorchScript".
        to: what it is compared with.
        largest: difference of a probability or dimension.
        same_label: share of clips that get the same label.
        clips: that were judged.
        of: "recordings", or "noise" where no recording was at hand.
    """

    form: str
    to: Literal["the network in PyTorch", "the graph that was exported"]
    largest: float
    same_label: float
    clips: int
    of: Literal["recordings", "noise"]


class ExportReport(_Entry):
    """The content of export.json.

    Attributes:
        command: that made it.
        date: ISO 8601.
        changes: what was done, in words.
        before: the model that was exported.
        after: what came out.
        window_s: seconds of a window.
        likeness: of each form that was made.
        accuracy: None where nobody named anything to measure it on.
        allowed_points: of unweighted recall that could be lost.
    """

    command: str
    date: str
    changes: tuple[str, ...]
    before: Side
    after: Side
    window_s: float
    likeness: tuple[Likeness, ...]
    accuracy: Accuracy | None
    allowed_points: float

    def table(self) -> str:
        """Size, time and accuracy before and after, as Markdown."""
        rows = [
            "| | before | after | change |",
            "|---|---|---|---|",
            f"| form | {_FORMS[self.before.form]} | {_FORMS[self.after.form]} | |",
            self._row("graph, MB", self.before.bytes / 1e6, self.after.bytes / 1e6),
            self._row(
                f"one core, ms a window of {self.window_s:g} s",
                self.before.milliseconds,
                self.after.milliseconds,
            ),
            self._accuracy(),
        ]
        return "\n".join(rows)

    def sentences(self) -> list[str]:
        """What the table does not say."""
        said = [
            f"{each.form} against {each.to}, {each.clips} clips of {each.of}: "
            f"probabilities and dimensions differ by {each.largest:.1g} at most, "
            f"{each.same_label:.0%} have the same label."
            for each in self.likeness
        ]
        if self.accuracy is None:
            said.append("Accuracy was not checked: name a protocol or labelled clips with --check.")
        elif self.accuracy.learnt:
            said.append(
                f"It learnt from {', '.join(self.accuracy.learnt)}, so these figures are higher "
                "than on voices that it never heard."
            )
        return said

    def _row(self, name: str, before: float, after: float) -> str:
        return f"| {name} | {before:.2f} | {after:.2f} | x {after / before:.2f} |"

    def _accuracy(self) -> str:
        found = self.accuracy
        if found is None:
            return "| unweighted recall, % | not checked | not checked | |"
        span = "" if found.low is None else f" [{found.low:+.1f}, {found.high:+.1f}]"
        return (
            f"| unweighted recall, %, {found.protocol} | {found.before:.1f} | {found.after:.1f} | "
            f"{found.difference:+.1f}{span} |"
        )


_FORMS = {"float32": "float32", "dynamic": "8 bits, dynamic", "static": "8 bits, static"}
