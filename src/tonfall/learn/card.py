"""The card of a bundle: what it is for, what it learnt from, how good it is, where it fails.

Everything on it comes from the clips, the figures and the recipe; what an author knows beside
them stands in the recipe's ``card``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from tonfall.bundle import BundleSpec, Calibration, CorpusUse, LeftOut
from tonfall.corpora import CORPORA
from tonfall.corpora.registry import OWN_LAYOUTS
from tonfall.errors import ConfigError
from tonfall.learn.classical.recipe import ClassicalRecipe
from tonfall.learn.encoders import (
    WHISPER_HEADS,
    WHISPER_WIDTH,
    CnnEncoder,
    Encoder,
    TrainedEncoder,
    TransformersEncoder,
    WhisperEncoder,
)
from tonfall.learn.recipe import CorpusRecipe, Recipe

__all__ = [
    "NONE_LEFT_OUT",
    "NOT_STATED",
    "corpus_uses",
    "licence_of",
    "read_figures",
    "unstated",
    "unstated_checkpoint",
    "write_card",
]

NOT_STATED = "not stated"
"""A licence or language that nobody gave."""

NONE_LEFT_OUT = (
    "There are no two corpora to leave out one at a time, so the confidence is that on held-out "
    "speakers; on recordings from elsewhere it is not known."
)
"""Where a recipe wants the calibration of left-out corpora and has too few."""

_TWO_NUMBERS = (
    "Two numbers were chosen on how the finished head judges them, the temperature of the "
    "probabilities and the threshold of `unclear`."
)
_WITH_OFFSETS = (
    "A few numbers were fitted to how the head judges them: the temperature of the probabilities, "
    "the threshold of `unclear`, and for each label how readily it is said, of a clip alone and "
    "against its site's mean."
)

_FRONT = "Front: MIT (OpenAI)."
_ONE_BY_ONE = "left out of training one at a time"
_WARNING = """\
It must not be used to judge employees or pupils (EU AI Act, article 5(1)(f)), nor to decide
anything about a person without a human who can overrule it.
"""


def corpus_uses(corpora: Mapping[str, CorpusRecipe], clips: pd.DataFrame) -> tuple[CorpusUse, ...]:
    """What was used of each corpus, under which licence."""
    groups = clips.groupby("corpus", sort=False)
    return tuple(_use(str(name), own, corpora[str(name)]) for name, own in groups)


def _use(name: str, clips: pd.DataFrame, corpus: CorpusRecipe) -> CorpusUse:
    known = CORPORA[name].licence if name in set(CORPORA) - OWN_LAYOUTS else NOT_STATED
    languages = sorted(clips["language"].dropna().unique())
    return CorpusUse(
        name=name,
        licence=corpus.licence or known,
        clips=len(clips),
        speakers=clips["speaker"].nunique(),
        language=", ".join(languages) or NOT_STATED,
    )


def licence_of(uses: Sequence[CorpusUse], encoder: Encoder | None) -> str:
    """What the corpora allow, for the model's licence.

    A network learns all that it is of them, and so does what has no encoder.
    """
    front = encoder.network if isinstance(encoder, TrainedEncoder) else encoder
    own = not isinstance(front, WhisperEncoder)
    licences = {use.name: use.licence for use in uses}
    whose = "every corpus allows"
    if isinstance(front, TransformersEncoder):
        licences[front.checkpoint] = front.licence or NOT_STATED
        whose = "every corpus and the checkpoint allow"
    silent = [name for name, licence in licences.items() if licence == NOT_STATED]
    each = "; ".join(f"{name}: {licence}" for name, licence in licences.items())
    said = f"{'Model' if own else 'Head'} and card: only what {whose} ({each})."
    if silent:
        said = f"Not stated, because that of {', '.join(silent)} is not."
    return said if own else f"{said} {_FRONT}"


def unstated(uses: Sequence[CorpusUse], *, key: str = "corpora") -> Iterator[str]:
    """A sentence on each licence and language that is not known.

    Args:
        uses: of the corpora.
        key: under which the recipe names them.
    """
    for what in ("licence", "language"):
        names = [use.name for use in uses if getattr(use, what) == NOT_STATED]
        if names:
            yield (
                f"{', '.join(names)}: no {what} is stated, and the card says so. Give it in the "
                f"recipe, as {key}.{names[0]}.{what}."
            )


def unstated_checkpoint(encoder: Encoder) -> Iterator[str]:
    """A sentence on the licence of a checkpoint, where it is not known."""
    if isinstance(encoder, TransformersEncoder) and encoder.licence is None:
        yield (
            f"{encoder.checkpoint}: no licence of the checkpoint is stated, and the card says so. "
            "Give it in the recipe, as encoder.licence."
        )


def read_figures(path: Path) -> dict[str, dict[str, float]]:
    """Figures by recipe and protocol, as ``benchmarks.accuracy --json`` writes them.

    Raises:
        ConfigError: unreadable, or of another shape.
    """
    try:
        return TypeAdapter(dict[str, dict[str, float]]).validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise ConfigError(
            f"{path}: no figures can be read; write them with benchmarks.accuracy --json."
        ) from None


def write_card(spec: BundleSpec, recipe: Recipe | ClassicalRecipe, clips: pd.DataFrame) -> str:
    """Markdown.

    Args:
        spec: what the bundle says.
        recipe: how it was made.
        clips: what it learnt from, as `tonfall.learn.data.recipe_clips` gives them.
    """
    limits = "\n".join(f"- {sentence}" for sentence in _limits(spec, recipe, clips))
    parts = [
        "\n\n".join(part for part in (_title(spec), spec.description) if part),
        f"**Licence.** {spec.licence}",
        f"## What it is for\n{recipe.card.uses or _uses(spec)}\n\n{_WARNING}".rstrip(),
        _corpora(spec, recipe),
        _figures(spec, recipe),
        f"## Where it fails\n{limits}",
        _making(spec, recipe),
    ]
    return "\n\n".join(parts) + "\n"


def _title(spec: BundleSpec) -> str:
    return f"# {spec.name} (version {spec.version})"


def _uses(spec: BundleSpec) -> str:
    beside = "with arousal, valence and dominance beside them, " if spec.dimensions else ""
    return (
        f"Telling {', '.join(spec.labels[:-1])} and {spec.labels[-1]} apart by how speech sounds, "
        f"{beside}for voices, rooms and languages like those that it learnt from."
    )


def _corpora(spec: BundleSpec, recipe: Recipe | ClassicalRecipe) -> str:
    parts = [f"## What it learnt from\n{_table(spec.corpora)}", *_heard(recipe)]
    others = spec.calibration.corpora
    if others:
        parts += [
            f"## What its confidence was chosen on\n{_not_learnt(recipe)}\n\n{_table(others)}",
        ]
    return "\n\n".join(parts)


def _not_learnt(recipe: Recipe | ClassicalRecipe) -> str:
    """What corpora that only calibrate have a part in."""
    chosen = _WITH_OFFSETS if _has_offsets(recipe) else _TWO_NUMBERS
    return (
        "It did not learn from these corpora what emotions sound like, and none of their content "
        f"is in the model: no sound, no feature, no clip's label. {chosen} The licences are those "
        "under which the corpora were at hand."
    )


def _has_offsets(recipe: Recipe | ClassicalRecipe) -> bool:
    return isinstance(recipe, Recipe) and recipe.calibration_offsets


def _table(uses: Sequence[CorpusUse]) -> str:
    rows = [
        f"| {use.name} | {use.language} | {use.clips:,} | {use.speakers} | {use.licence} |"
        for use in uses
    ]
    head = "| corpus | language | clips | speakers | licence |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _heard(recipe: Recipe | ClassicalRecipe) -> Iterator[str]:
    """A sentence on the corpora of which listeners' votes were learnt."""
    said = {
        "votes": "the shares of the listeners' votes, and not what was meant",
        "mixed": "the shares of the listeners' votes and what was meant, half and half",
    }
    for how, what in said.items():
        names = [name for name, use in recipe.corpora.items() if use.targets == how]
        if names:
            yield f"Of {', '.join(names)} it learnt {what}."


def _figures(spec: BundleSpec, recipe: Recipe | ClassicalRecipe) -> str:
    if not spec.figures:
        return "## How good it is\nNot measured yet: see `tonfall evaluate`."
    rows = [f"| {name} | {value:.1f} |" for name, value in spec.figures.items()]
    head = "| measured (speakers never shared) | unweighted recall, % |\n|---|---|"
    return f"## How good it is\n{_measured(spec, recipe)}\n\n" + "\n".join([head, *rows])


def _measured(spec: BundleSpec, recipe: Recipe | ClassicalRecipe) -> str:
    """What the figures are of: the model itself where it never heard the tested corpora."""
    if not spec.calibration.corpora:
        return "The same recipe, fitted anew without the tested speakers or corpus."
    who = (
        "The same head, whose numbers were chosen without the tested corpus"
        if (_has_offsets(recipe))
        else "This model as it is"
    )
    return (
        f"{who}, on whole corpora that it learnt nothing from, four classes (neutral, "
        "happiness, sadness, anger). A site's clips are unlabelled ones of other speakers of the "
        "corpus, as `tonfall adapt` takes them."
    )


def _limits(
    spec: BundleSpec, recipe: Recipe | ClassicalRecipe, clips: pd.DataFrame
) -> Iterator[str]:
    """Sentences that follow from what is known, then those of the recipe."""
    yield _acted(spec, clips)
    yield _elsewhere(spec)
    languages = sorted(clips["language"].dropna().unique())
    heard = ", ".join(languages) if languages else "a language that is not stated"
    yield f"It heard {heard} in training; of others expect less."
    if spec.dimensions_weak:
        yield (
            f"Arousal, valence and dominance are **weak**: for {int(clips['weak'].sum()):,} of "
            f"{len(clips):,} clips they are the published places of the categories (Russell and "
            "Mehrabian 1977), moved by acted intensity where it is known, and not ratings."
        )
    if spec.calibration.left_out is not None:
        yield from _dimensions(spec.calibration.left_out)
    yield _confidence(spec, recipe)
    if spec.baseline:
        yield (
            "The baseline needs seconds of speech from one voice to help; a call that is angry "
            "from its first word to its last gains nothing from it."
        )
    yield from recipe.card.limits


def _dimensions(measured: LeftOut) -> Iterator[str]:
    """What is known of arousal, valence and dominance on corpora that were not learnt from."""
    if not measured.dimensions:
        return
    figures = "; ".join(
        f"{name} {each.correlation:.2f} and {each.concordance:.2f}"
        for name, each in measured.dimensions.items()
    )
    against = {
        0.0: "None of these corpora has ratings, so that is against the published places of the "
        "categories and says no more than the categories do",
        1.0: "That is against listeners' ratings",
    }
    mixed = "That is against ratings where a corpus has them, and the places of categories else"
    yield (
        f"On corpora that the head was fitted without ({', '.join(measured.corpora)}), correlation "
        f"and concordance (CCC) of the dimensions are, as means over corpora: {figures}. "
        f"{against.get(measured.rated or 0.0, mixed)}."
    )


def _acted(spec: BundleSpec, clips: pd.DataFrame) -> str:
    speakers = sum(use.speakers for use in spec.corpora)
    acted, natural = (clips["acted"] == True).sum(), (clips["acted"] == False).sum()  # noqa: E712
    unknown = len(clips) - acted - natural
    if acted == len(clips):
        return (
            f"Everything it learnt from is **acted**, by {speakers} speakers. Real emotion is "
            "rarer, weaker and more mixed."
        )
    said = {"acted": acted, "not acted": natural, "of unknown origin": unknown}
    counted = ", ".join(f"{int(count):,} {what}" for what, count in said.items() if count)
    return f"It learnt from {speakers} speakers. Clips: {counted}."


def _elsewhere(spec: BundleSpec) -> str:
    mean = next((value for name, value in spec.figures.items() if name.endswith(": mean")), None)
    if mean is None:
        return (
            "How good it is on recordings from elsewhere was not measured: expect less than on "
            "held-out speakers of its own corpora."
        )
    who = "the same recipe" if not spec.calibration.corpora else "it"
    return (
        f"On recordings of a corpus that it never heard, {who} finds {mean:.0f} % of each of four "
        "classes on average."
    )


def _confidence(spec: BundleSpec, recipe: Recipe | ClassicalRecipe) -> str:
    calibration = spec.calibration
    said = f"Below a confidence of {calibration.uncertain_below:.2f} a label is `unclear`."
    if calibration.coverage is None or calibration.accuracy_certain is None:
        return said
    if calibration.left_out is not None:
        return f"{said} {_left_out(calibration, calibration.left_out)}"
    if recipe.calibration == "left_out_corpora":
        said = f"{said} {NONE_LEFT_OUT}"
    return (
        f"{said} On held-out speakers of its own corpora that left {calibration.coverage:.0%} "
        f"clear, of which {calibration.accuracy_certain:.0%} were right."
    )


def _left_out(calibration: Calibration, measured: LeftOut) -> str:
    certain, uncertain = (
        "not known" if recall is None else f"{recall:.0%}"
        for recall in (measured.recall_certain, measured.recall_uncertain)
    )
    which = "that it did not learn from" if calibration.corpora else _ONE_BY_ONE
    return (
        f"It was chosen, as the temperature, on corpora {which} "
        f"({', '.join(measured.corpora)}), each clip alone: {calibration.coverage:.0%} of their "
        f"clips stay clear, of which {calibration.accuracy_certain:.0%} are right. With the choice "
        "made on the others each time, the expected calibration error on a left-out corpus is "
        f"{measured.expected_calibration_error:.0%} on average, and the mean recall of the labels "
        f"{certain} above the threshold and {uncertain} below it."
    )


def _making(spec: BundleSpec, recipe: Recipe | ClassicalRecipe) -> str:
    what = _classical(recipe) if isinstance(recipe, ClassicalRecipe) else _front(recipe.encoder)
    return f"## How it is made\n`tonfall train {spec.recipe}` (seed {recipe.seed}). {what}"


def _classical(recipe: ClassicalRecipe) -> str:
    return (
        f"Functionals of the set {recipe.features}, standardised; {recipe.classifier.in_words}. "
        "What is not defined, such as the pitch of a whisper, counts as its mean in training."
    )


def _front(encoder: Encoder) -> str:
    """Where the front comes from, and what was learnt of it."""
    network = encoder.network if isinstance(encoder, TrainedEncoder) else encoder
    if isinstance(network, WhisperEncoder) and network.trained == "nothing":
        matrices = ", but for 8-bit matrices" if encoder.int8 else ""
        kept = _pruned(network) or "unchanged"
        return (
            f"The front is that of OpenAI's Whisper tiny.en (MIT), {kept}{matrices}; only the "
            "head is trained."
        )
    what = f"A network of kind {network.kind} is trained from nothing"
    if isinstance(network, WhisperEncoder):
        parts = " whose blocks are" if network.trained == "blocks" else ""
        pruned = f" {_pruned(network)} and" if network.prune else ""
        what = (
            f"The front is that of OpenAI's Whisper tiny.en (MIT),{pruned}{parts} trained further"
        )
    if isinstance(network, TransformersEncoder):
        what = f"The front is the checkpoint {network.checkpoint}, {_further(network)}"
    if isinstance(network, CnnEncoder) and network.prune:
        what += f", pruned by {network.prune:.0%} of its channels and trained again"
    matrices = ", then stored in 8 bits" if encoder.int8 else ""
    return (
        f"{what} on these clips{matrices}; the epoch was chosen on speakers held out of its "
        "training. A head is fitted on it."
    )


def _pruned(encoder: WhisperEncoder) -> str:
    """What was taken out of Whisper's blocks; nothing where that is nothing."""
    if not encoder.prune:
        return ""
    blocks = (
        f", {encoder.heads} of {WHISPER_HEADS} attention heads and {encoder.hidden} of "
        f"{4 * WHISPER_WIDTH} feed-forward units a block"
    )
    return (
        f"of which {encoder.channels} of {WHISPER_WIDTH} channels of the first convolution"
        f"{blocks if encoder.blocks else ''} are left, weighed anew"
    )


def _further(encoder: TransformersEncoder) -> str:
    """What was trained of a checkpoint."""
    return {
        "nothing": "unchanged under a layer that is trained",
        "top": f"of which the last {encoder.top} blocks are trained further",
        "lora": f"trained further by low-rank matrices (LoRA, rank {encoder.lora.rank})",
        "blocks": "whose blocks are trained further",
        "all": "trained further",
    }[encoder.trained]
