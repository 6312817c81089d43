"""What a recipe says: everything that decides how a model comes out."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from tonfall.adaptation import PRIOR_WEIGHT_S
from tonfall.bundle import FrontEnd, Gate, Windows
from tonfall.emotion import CATEGORIES
from tonfall.errors import ConfigError
from tonfall.learn.copies import COPIES
from tonfall.learn.degrade import parse_degradation
from tonfall.learn.encoders import (
    CnnEncoder,
    CnnTransformerEncoder,
    Encoder,
    RecurrentEncoder,
    TrainedEncoder,
    TransformersEncoder,
    WhisperEncoder,
)
from tonfall.learn.pretrained.options import Lora
from tonfall.learn.schema import Part, Unit
from tonfall.learn.training import FrameAugmentation, Loss, Optimiser, Selection, Training
from tonfall.parsing import read_yaml

__all__ = [
    "Augmentation",
    "BaselineRecipe",
    "CalibrationCorpora",
    "CalibrationData",
    "Card",
    "Corpora",
    "CorpusRecipe",
    "Encoder",
    "Export",
    "Head",
    "Recipe",
    "SiteRecipe",
    "Targets",
    "first_problem",
    "in_folder",
    "read_recipe",
    "with_checkpoint",
    "with_setting",
]


Targets = Literal["intended", "votes", "mixed"]
"""What is learnt of a clip: the label it was given, the shares of the listeners' votes, or half
of each."""


def _as_name(value: object) -> object:
    """A speaker's number is a name: YAML reads 1050 as an integer."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class CorpusRecipe(Part):
    """A corpus to learn from; a path alone stands for its place.

    Attributes:
        place: folder of a release, a manifest, or one's own table (CSV) or folder a class;
            relative to the recipe.
        licence: what its recordings may be used for, for the card; by default as the known
            corpus of that name was released.
        language: ISO 639-1 code, for clips that name none.
        targets: what is learnt of its clips; "votes" and "mixed" need a corpus that has votes.
        without: speakers whose clips are not learnt, because something else is tried on them.
    """

    place: Path
    licence: str | None = None
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    targets: Targets = "intended"
    without: tuple[Annotated[str, BeforeValidator(_as_name)], ...] = ()


class Card(Part):
    """What the card says that cannot be told from the corpora and figures.

    Attributes:
        licence: of the model; by default that of its corpora, named one by one.
        uses: what it is for, as Markdown.
        limits: sentences on where it fails.
    """

    licence: str | None = None
    uses: str | None = None
    limits: tuple[str, ...] = ()


def _known_copy(copy: str) -> str:
    if copy in COPIES and copy != "clip":
        return copy
    try:
        return parse_degradation(copy).name
    except ConfigError as error:
        named = ", ".join(name for name in COPIES if name != "clip")
        raise ValueError(f"neither {named} nor steps: {str(error).rstrip('.')}") from None


def _needs_sounds(copy: str) -> bool:
    """True where noises or rooms are drawn."""
    return copy in COPIES or any(
        step in ("noise", "room") for step, _ in parse_degradation(copy).steps
    )


class Augmentation(Part):
    """Copies of each training clip that came another way.

    Attributes:
        copies: which, besides the clip itself: "telephone" (speed, equaliser, noise, sometimes
            a room, then 300-3400 Hz and G.711) and "room" (speed, room, equaliser, noise); or steps
            that are written out, as `tonfall.learn.degrade` has them: "pitch:-2..2+opus:16".
        clip_weight: how much more than each of its copies the clip itself counts.
        acoustics: folder of noises and room responses; relative to the recipe.
        held_out: noises and rooms that are kept for testing.
    """

    copies: tuple[Annotated[str, AfterValidator(_known_copy)], ...] = ()
    clip_weight: float = Field(default=1, gt=0, le=10)
    acoustics: Path | None = None
    held_out: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_copies(self) -> Augmentation:
        twice = [copy for copy in self.copies if self.copies.count(copy) > 1]
        if twice:
            raise ValueError(f"copies has {twice[0]} twice; once is enough, as each clip has one")
        return self


class SiteRecipe(Part):
    """How the model learns to live with a site's prior as well as with its own.

    Attributes:
        share: of the drawn baselines that start from a site's prior, the mean of other speakers
            of the clip's corpus; the rest starts from the model's own.
        clips: least and most clips that such a mean is made of.
        neutral_share: range that the share of neutral clips among them is drawn from.
        prior_weight_s: seconds of speech that a site's prior counts for, as `tonfall adapt` has it.
    """

    share: float = Field(gt=0, le=1)
    clips: tuple[Annotated[int, Field(ge=1, le=2000)], Annotated[int, Field(ge=1, le=2000)]] = (
        30,
        400,
    )
    neutral_share: tuple[Unit, Unit] = (0.5, 0.9)
    prior_weight_s: float = Field(default=PRIOR_WEIGHT_S, gt=0, le=600)

    @model_validator(mode="after")
    def _check_ranges(self) -> SiteRecipe:
        for name in ("clips", "neutral_share"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} goes from {low} to {high}; give the least first")
        return self


class BaselineRecipe(Part):
    """How the model learns to live with any amount of history.

    Attributes:
        prior_weight_s: seconds of speech that the prior counts for.
        gate: how much a judged window moves the baseline.
        histories: how many clips of the same speaker a training clip's baseline may be made of.
        neutral_share: range that the share of neutral clips in a history is drawn from.
        draws: baselines drawn for each training clip.
        site: of these, which start from the mean of other speakers; None for none.
    """

    prior_weight_s: float = Field(gt=0, le=600)
    gate: Gate
    histories: tuple[Annotated[int, Field(ge=0, le=200)], ...] = (0, 1, 2, 4, 8, 16, 24)
    neutral_share: tuple[float, float] = (0.3, 0.9)
    draws: int = Field(default=2, ge=1, le=10)
    site: SiteRecipe | None = None


class Head(Part):
    """The trained part.

    Attributes:
        strength: how far the head may go: weight of all clips together against its L2 penalty.
        label_weights: how much more than the others a label counts.
        hears_baseline: how freely the categories may use how far the baseline lies from the
            prior, beside the features less the baseline; 0 for not at all.
    """

    strength: float = Field(default=6, gt=0, le=1000)
    label_weights: dict[str, Annotated[float, Field(gt=0, le=10)]] = Field(default_factory=dict)
    hears_baseline: float = Field(default=0, ge=0, le=10)


class Export(Part):
    """What `tonfall export` may do to the model.

    Attributes:
        allow_points: of unweighted recall, in per cent, that 8 bits and pruning may cost.
    """

    allow_points: float = Field(default=1, ge=0, le=100)


CorpusName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
"""As protocols take it: without + and /, which join corpora and parts there."""


def _from_place(value: object) -> object:
    return {"place": value} if isinstance(value, str | Path) else value


Corpora = dict[CorpusName, Annotated[CorpusRecipe, BeforeValidator(_from_place)]]
"""Corpora by name; any name will do for recordings of one's own."""


class CalibrationCorpora(Part):
    """Corpora that are not learnt from, on which temperature and threshold are chosen.

    Attributes:
        corpora: at least two, because what the choice is worth on one of them is measured with
            the choice that is made on the others.
        offsets: True to choose there as well how readily each label is said, so that none is said
            too often of clips of which as many have each label (`tonfall.learn.offsets`).
    """

    corpora: Corpora = Field(min_length=2)
    offsets: bool = False


def _calibration_tag(value: object) -> str:
    return "<word>" if isinstance(value, str) else "<corpora>"


CalibrationData = Annotated[
    Annotated[Literal["held_out_speakers", "left_out_corpora"], Tag("<word>")]
    | Annotated[CalibrationCorpora, Tag("<corpora>")],
    Discriminator(_calibration_tag),
]
"""What temperature and threshold are chosen on: speakers of the training corpora that are held
out, corpora that are left out one at a time, or other corpora, which the head never learns from."""


class Recipe(Part):
    """The whole of a recipe file.

    Attributes:
        corpora: what is learnt from, by name.
        labels: the label space of the shipped model; each protocol brings its own.
        merge: labels that count as another.
        encoder: Whisper's first blocks, frozen, or a network that is trained first.
        training: how, where the encoder is such a network.
        card: what the card says beside what is known.
        calibration: what temperature and threshold are chosen on.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    version: str = "1"
    description: str = ""
    seed: int = Field(default=0, ge=0)
    corpora: Corpora
    labels: tuple[str, ...] = Field(min_length=2)
    merge: dict[str, str] = Field(default_factory=dict)
    card: Card = Card()
    encoder: Encoder = WhisperEncoder(taps=(1, 2), int8=True)
    training: Training = Training()
    front_end: FrontEnd = FrontEnd(piece_frames=100, context_frames=100)
    windows: Windows = Windows(pieces=3, minimum_speech_s=0.5)
    augmentation: Augmentation = Augmentation()
    baseline: BaselineRecipe | None = None
    head: Head = Head()
    export: Export = Export()
    calibration: CalibrationData = "held_out_speakers"

    @property
    def places(self) -> dict[str, Path]:
        """Where each corpus is, by name."""
        return {name: corpus.place for name, corpus in self.corpora.items()}

    @property
    def calibration_corpora(self) -> Corpora:
        """Corpora that only calibrate; none where the training corpora do."""
        return self.calibration.corpora if isinstance(self.calibration, CalibrationCorpora) else {}

    @property
    def calibration_offsets(self) -> bool:
        """True where these say, too, how readily each label is said."""
        return isinstance(self.calibration, CalibrationCorpora) and self.calibration.offsets

    @property
    def targets(self) -> dict[str, Targets]:
        """What is learnt of each corpus's clips, by name."""
        return {name: corpus.targets for name, corpus in self.corpora.items()}

    @property
    def _stride(self) -> int:
        encoder = self.encoder
        return (encoder.network if isinstance(encoder, TrainedEncoder) else encoder).stride

    @model_validator(mode="after")
    def _check_labels(self) -> Recipe:
        names = {*self.labels, *self.merge, *self.merge.values()}
        unknown = sorted(names - set(CATEGORIES))
        if unknown:
            raise ValueError(
                f"unknown categories: {', '.join(unknown)}; choose from {', '.join(CATEGORIES)}"
            )
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is named twice")
        held = set(self.baseline.gate.held) - set(self.labels) if self.baseline else set()
        if held:
            raise ValueError(f"baseline.gate.held names {', '.join(sorted(held))}, no label of it")
        both = sorted(set(self.corpora) & set(self.calibration_corpora))
        if both:
            raise ValueError(
                f"{both[0]} stands in corpora and in calibration.corpora, but how sure to be of "
                "strangers cannot be chosen on what is learnt; name it once"
            )
        lengths = (self.front_end.piece_frames, self.front_end.context_frames)
        if any(length % self._stride for length in lengths):
            raise ValueError(
                f"front_end.piece_frames and context_frames are {lengths[0]} and {lengths[1]}, but "
                f"have to be multiples of {self._stride}, the frames of one step of the encoder"
            )
        sounding = [copy for copy in self.augmentation.copies if _needs_sounds(copy)]
        if sounding and self.augmentation.acoustics is None:
            raise ValueError(f"augmentation.acoustics is needed for the copy {sounding[0]}")
        return self

    @model_validator(mode="after")
    def _check_front_end(self) -> Recipe:
        encoder = self.encoder
        encoder = encoder.network if isinstance(encoder, TrainedEncoder) else encoder
        wanted = "waveform" if isinstance(encoder, TransformersEncoder) else "log_mel_80"
        if self.front_end.kind != wanted:
            raise ValueError(
                f"front_end.kind is {self.front_end.kind}, but an encoder of kind {encoder.kind} "
                f"takes {wanted}"
            )
        if wanted == "waveform":
            _check_sample_augmentation(self.training.frames)
        return self


def read_recipe(path: str | Path, *, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe; paths in it are made absolute.

    Args:
        path: of the file.
        settings: values in place of the file's, each as "training.epochs=3": the keys with dots
            between them, and the value as YAML.

    Raises:
        ConfigError: unreadable, not YAML, or a key or value that does not belong.
    """
    file = Path(path)
    try:
        content = read_yaml(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{file}: the recipe cannot be read ({error.strerror}); name a YAML file."
        ) from None
    except ValueError:
        raise ConfigError(f"{file}: this is not YAML; see recipes/ for examples.") from None
    for setting in settings:
        content = with_setting(content, setting)
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{file}: {first_problem(error, _MODELS)}") from None
    return _with_absolute_paths(recipe, file.resolve().parent)


def with_checkpoint(recipe: Recipe, model: str) -> Recipe:
    """The recipe with an encoder that begins with another checkpoint.

    Args:
        recipe: whose encoder is of kind transformers.
        model: folder, or name on the hub.

    Raises:
        ConfigError: the recipe's encoder begins with none.
    """
    encoder = recipe.encoder
    if not isinstance(encoder, TransformersEncoder):
        kind = getattr(encoder, "kind", "none")
        raise ConfigError(
            f"--encoder {model}: the recipe's encoder is {kind}, which begins with no checkpoint; "
            "take a recipe whose encoder.kind is transformers, such as recipes/wavlm-lora.yaml."
        )
    # What is said of one checkpoint holds for no other.
    other = encoder.model_copy(update={"model": model, "revision": None, "licence": None})
    return recipe.model_copy(update={"encoder": _with_folder(other, Path.cwd())})


def with_setting(content: object, setting: str) -> object:
    """The content of a recipe with one value of it replaced, or added."""
    keys, equals, text = setting.partition("=")
    if not equals or not all(keys.split(".")):
        raise ConfigError(
            f"--set {setting}: expected a key of the recipe and its value, as in "
            "--set training.epochs=3."
        )
    try:
        value = read_yaml(text)
    except ValueError:
        raise ConfigError(f"--set {setting}: the value is not YAML.") from None
    return _replaced(content, keys.split("."), value)


def _replaced(content: object, keys: Sequence[str], value: object) -> object:
    if not keys:
        return value
    inside = content if isinstance(content, dict) else {}
    return {**inside, keys[0]: _replaced(inside.get(keys[0]), keys[1:], value)}


def first_problem(error: ValidationError, models: Sequence[type[BaseModel]]) -> str:
    """A sentence on the first thing that is wrong with a recipe made of these models."""
    problem = error.errors()[0]
    parts = [str(part) for part in problem["loc"] if not str(part).startswith("<")]
    place = ".".join(parts) or "recipe"
    if problem["type"] != "extra_forbidden":
        said = problem["msg"].removeprefix("Value error, ")
        return f"{place}: {said}."
    known = {name for model in models for name in model.model_fields}
    near = get_close_matches(str(problem["loc"][-1]), sorted(known), n=1)
    return f"{place}: unknown key" + (f"; did you mean {near[0]!r}?" if near else ".")


_MODELS: tuple[type[BaseModel], ...] = (
    Recipe,
    CorpusRecipe,
    CalibrationCorpora,
    Card,
    WhisperEncoder,
    CnnEncoder,
    RecurrentEncoder,
    CnnTransformerEncoder,
    TransformersEncoder,
    Lora,
    Training,
    Loss,
    FrameAugmentation,
    Optimiser,
    Selection,
    Augmentation,
    BaselineRecipe,
    SiteRecipe,
    Head,
    Export,
    FrontEnd,
    Windows,
    Gate,
)


def _check_sample_augmentation(frames: FrameAugmentation) -> None:
    """Refuse what was asked for and cannot be done; the usual values say nothing."""
    for name in ("vocal_tract", "band_masks"):
        if getattr(frames, name) not in (0, (0, 0), getattr(FrameAugmentation(), name)):
            raise ValueError(
                f"training.frames.{name} changes bands, which a waveform has not; take it out"
            )


def _with_absolute_paths(recipe: Recipe, folder: Path) -> Recipe:
    acoustics = recipe.augmentation.acoustics
    calibration = recipe.calibration
    if isinstance(calibration, CalibrationCorpora):
        places = in_folder(calibration.corpora, folder)
        calibration = calibration.model_copy(update={"corpora": places})
    return recipe.model_copy(
        update={
            "corpora": in_folder(recipe.corpora, folder),
            "calibration": calibration,
            "encoder": _with_folder(recipe.encoder, folder),
            "augmentation": recipe.augmentation.model_copy(
                update={"acoustics": acoustics and folder / acoustics}
            ),
        }
    )


def _with_folder(encoder: Encoder, folder: Path) -> Encoder:
    """With the checkpoint's folder, where there is one of that name; else it is one of the hub."""
    if not isinstance(encoder, TransformersEncoder):
        return encoder
    place = folder / Path(encoder.model).expanduser()
    return encoder.model_copy(update={"model": str(place)}) if place.is_dir() else encoder


def in_folder(corpora: Corpora, folder: Path) -> Corpora:
    """The corpora with places that are meant from a folder on."""
    return {
        name: corpus.model_copy(update={"place": folder / corpus.place.expanduser()})
        for name, corpus in corpora.items()
    }
