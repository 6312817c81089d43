"""The card of a bundle: what it is for, what it learnt from, how good it is, where it fails."""

from __future__ import annotations

from tonfall.bundle import BundleSpec
from tonfall.learn.recipe import Recipe

__all__ = ["write_card"]

_USES = """\
## What it is for
Research on how speech sounds, and trying Tonfall out. It judges the tone of acted speech in seven
categories, and arousal, valence and dominance.

It is **not** for products: the corpora it learnt from are released for research, some without any
stated licence. It must not be used to judge employees or pupils (EU AI Act, article 5(1)(f)), nor
to decide anything about a person without a human who can overrule it.
"""

_LIMITS = """\
## Where it fails
- Everything it learnt from is **acted**, in quiet rooms, by {speakers} speakers. Real anger is
  rarer, weaker and more mixed.
- On recordings of a corpus it has never heard it is right about six times in ten among four
  categories; happiness is often taken for anger, fear for sadness or surprise.
- Arousal, valence and dominance are **weak**: learnt from the published places of the categories
  (Russell and Mehrabian 1977) moved by acted intensity, not from ratings.
- It hears six languages in training; in others expect less.
- Confidence below {threshold:.2f} is marked uncertain. On held-out speakers of its own corpora
  that left {coverage:.0%} certain, of which {certain:.0%} were right.
- The baseline needs seconds of speech from one voice to help; a call that is angry from its first
  word to its last gains nothing from it.
"""


def write_card(spec: BundleSpec, recipe: Recipe) -> str:
    """Markdown."""
    parts = [
        f"# {spec.name} (version {spec.version})\n\n{spec.description}\n\n"
        f"**Licence.** {spec.licence}\n",
        _USES,
        _corpora(spec),
        _figures(spec),
        _LIMITS.format(
            speakers=sum(use.speakers for use in spec.corpora),
            threshold=spec.calibration.uncertain_below,
            coverage=spec.calibration.coverage or 0,
            certain=spec.calibration.accuracy_certain or 0,
        ),
        _making(spec, recipe),
    ]
    return "\n".join(parts)


def _corpora(spec: BundleSpec) -> str:
    rows = [
        f"| {use.name} | {use.language} | {use.clips:,} | {use.speakers} | {use.licence} |"
        for use in spec.corpora
    ]
    head = "| corpus | language | clips | speakers | licence as released |\n|---|---|---|---|---|"
    return "## What it learnt from\n" + "\n".join([head, *rows]) + "\n"


def _figures(spec: BundleSpec) -> str:
    if not spec.figures:
        return "## How good it is\nNot measured yet: see `tonfall evaluate`.\n"
    rows = [f"| {name} | {value:.1f} |" for name, value in spec.figures.items()]
    head = "| protocol (speakers never shared) | unweighted recall, % |\n|---|---|"
    return (
        "## How good it is\nThe same recipe, fitted anew without the tested speakers or corpus; "
        "intervals are in docs/benchmarks.md.\n\n" + "\n".join([head, *rows]) + "\n"
    )


def _making(spec: BundleSpec, recipe: Recipe) -> str:
    return (
        "## How it is made\n"
        f"`tonfall train {spec.recipe}` (seed {recipe.seed}). The front is that of OpenAI's "
        "Whisper tiny.en (MIT), unchanged but for 8-bit matrices where the recipe says so; only "
        "the head is trained.\n"
    )
