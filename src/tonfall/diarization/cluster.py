"""How many voices there are, and what each is like.

Windows are first joined by average linkage into more clusters than there can be speakers; these are
refined by k-means on the sphere, and then joined as long as two are too alike. Two voices are
expected: a third needs to be far more unlike the others than the second is from the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError

__all__ = ["MOST_CLUSTERED", "MOST_SPEAKERS", "SpeakerSettings", "centroid", "find_voices", "unit"]

MOST_SPEAKERS = 4

MOST_CLUSTERED = 1200
"""Windows that it is sensible to cluster: the work grows with their square."""


@dataclass(frozen=True, slots=True)
class SpeakerSettings:
    """How windows become speakers; likenesses are cosines in [-1, 1].

    Attributes:
        speakers: how many there are, 1 to 4; None to find out.
        joined: average likeness down to which windows are one cluster at first.
        same_of_two: likeness above which two clusters are one speaker.
        same_of_more: likeness above which two of three or more clusters are one speaker.
        least_speech: part of a window that must be speech for it to shape a cluster.
        least_windows: windows of speech that a speaker has.
        least_share: part of all speech that a speaker has.
        sharpness: how much a likeness counts against staying with a speaker.
        stay: what it costs to change the speaker within speech.
        stay_at_pause: what it costs across a pause.

    Raises:
        ConfigError: a value out of its range.
    """

    speakers: int | None = None
    joined: float = 0.4
    same_of_two: float = 0.77
    same_of_more: float = 0.45
    least_speech: float = 0.6
    least_windows: float = 3.0
    least_share: float = 0.04
    sharpness: float = 1.3
    stay: float = 4.0
    stay_at_pause: float = 2.0

    @classmethod
    def live(cls, speakers: int | None = None) -> SpeakerSettings:
        """For calls as they go on, where nobody can look ahead and waiting has its price."""
        return cls(speakers=speakers, least_windows=1.2, stay=0.25, stay_at_pause=0.25)

    def __post_init__(self) -> None:
        if self.speakers is not None and not 1 <= self.speakers <= MOST_SPEAKERS:
            raise ConfigError(
                f"The number of speakers is {self.speakers}, but 1 to {MOST_SPEAKERS} can be told "
                "apart; leave it out to have it found."
            )


_FIRST_CLUSTERS = 8
_ROUNDS = 10


def unit(rows: FloatArray) -> FloatArray:
    """The rows at length 1; what is 0 stays so."""
    length = np.sqrt(np.sum(rows * rows, axis=-1, keepdims=True))
    scaled: FloatArray = rows / np.maximum(length, np.float32(1e-9))
    return scaled


def centroid(rows: FloatArray, weights: FloatArray) -> FloatArray:
    """(192,) of length 1, the direction of the weighted sum of (n, 192) rows."""
    return unit((rows * weights[:, None]).sum(axis=0))


def find_voices(
    embeddings: FloatArray, speech: FloatArray, *, settings: SpeakerSettings
) -> FloatArray:
    """The centroids of the speakers.

    Args:
        embeddings: (windows, 192), rows of length 1; at most ``MOST_CLUSTERED`` or so.
        speech: (windows,) part of each that is speech.
        settings: what counts as a speaker.

    Returns:
        (speakers, 192), in order of first appearance; at least one where there is a window.
    """
    useful = speech >= settings.least_speech
    if not useful.any():
        useful = speech >= speech.max(initial=0)
    rows, weights = embeddings[useful], speech[useful]
    if not len(rows):
        return embeddings[:0]
    clusters = _refined(rows, weights, _first_clusters(rows, settings))
    clusters = _reduced(rows, weights, clusters, settings)
    labels = (rows @ clusters.T).argmax(axis=1)
    order = list(dict.fromkeys(labels.tolist()))
    return clusters[order]


def _first_clusters(rows: FloatArray, settings: SpeakerSettings) -> FloatArray:
    # Imported late: start-up time is a promise, and most calls have a channel for each speaker.
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) == 1:
        return rows
    tree = linkage(rows.astype(np.float64), "average", metric="cosine")
    labels = fcluster(tree, 1 - settings.joined, "distance")
    if settings.speakers and labels.max() < settings.speakers:
        labels = fcluster(tree, settings.speakers, "maxclust")
    counts = np.bincount(labels)
    order = np.argsort(-counts, kind="stable")[:_FIRST_CLUSTERS]
    least = min(settings.least_windows, counts.max())
    if settings.speakers:
        least = min(least, np.sort(counts)[-settings.speakers])
    kept = [rows[labels == label] for label in order if counts[label] >= max(least, 1)]
    return np.stack([centroid(each, np.ones(len(each), np.float32)) for each in kept])


def _refined(rows: FloatArray, weights: FloatArray, clusters: FloatArray) -> FloatArray:
    """k-means on the sphere; a cluster that nothing falls to stays as it was."""
    for _ in range(_ROUNDS):
        labels = (rows @ clusters.T).argmax(axis=1)
        moved = clusters.copy()
        for label in np.unique(labels):
            own = labels == label
            moved[label] = centroid(rows[own], weights[own])
        if np.array_equal(moved, clusters):
            break
        clusters = moved
    return clusters


def _reduced(
    rows: FloatArray, weights: FloatArray, clusters: FloatArray, settings: SpeakerSettings
) -> FloatArray:
    """Drop what is too small, join what is too alike, until neither is left."""
    while len(clusters) > (settings.speakers or 1):
        amounts = _amounts(rows, weights, clusters)
        least = max(settings.least_windows, settings.least_share * float(weights.sum()))
        if amounts.min() < least:
            clusters = np.delete(clusters, int(amounts.argmin()), axis=0)
        else:
            first, second, likeness = _closest(clusters)
            if not _same(likeness, len(clusters), settings):
                break
            joined = unit(amounts[first] * clusters[first] + amounts[second] * clusters[second])
            clusters = np.concatenate([np.delete(clusters, [first, second], axis=0), joined[None]])
        clusters = _refined(rows, weights, clusters)
    return clusters


def _same(likeness: float, clusters: int, settings: SpeakerSettings) -> bool:
    if settings.speakers:
        return True
    bound = settings.same_of_two if clusters == 2 else settings.same_of_more
    return likeness > bound or clusters > MOST_SPEAKERS


def _amounts(
    rows: FloatArray, weights: FloatArray, clusters: FloatArray
) -> npt.NDArray[np.float32]:
    labels = (rows @ clusters.T).argmax(axis=1)
    return np.bincount(labels, weights, len(clusters)).astype(np.float32)


def _closest(clusters: FloatArray) -> tuple[int, int, float]:
    likeness = clusters @ clusters.T
    likeness[np.tril_indices(len(clusters))] = -2
    first, second = np.unravel_index(int(likeness.argmax()), likeness.shape)
    return int(first), int(second), float(likeness[first, second])
