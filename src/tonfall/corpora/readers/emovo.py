"""EMOVO: six Italian actors say fourteen sentences (Costantini et al., 2014).

Layout: ``<speaker>/<emotion>-<speaker>-<sentence>.wav``, or all clips in one folder.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical

__all__ = ["read"]

_NAME = re.compile(r"([a-z]{3})-([fm]\d)-([a-z]\d)")
_SENTENCES = {
    "b1": "Gli operai si alzano presto.",
    "b2": "I vigili sono muniti di pistola.",
    "b3": "La cascata fa molto rumore.",
    "l1": "L'autunno prossimo Tony partirà per la Spagna nella prima metà di ottobre.",
    "l2": "Ora prendo la felpa di là ed esco per fare una passeggiata.",
    "l3": "Un attimo dopo s'è incamminato... ed è inciampato.",
    "l4": "Vorrei il numero telefonico del Signor Piatti.",
    "n1": "La casa forte vuole col pane.",
    "n2": "La forza trova il passo e l'aglio rosso.",
    "n3": "Il gatto sta scorrendo nella pera.",
    "n4": "Insalata pastasciutta coscia d'agnello limoncello.",
    "n5": "Uno quarantatré dieci mille cinquantasette venti.",
    "d1": "Sabato sera cosa farà?",
    "d2": "Porti con te quella cosa?",
}


def read(root: Path) -> Reading:
    """Rows of the 588 clips."""
    clips, strays = matched_files(root, _NAME)
    return Reading(tuple(_row(path, match) for path, match in clips), strays=strays)


def _row(path: Path, match: re.Match[str]) -> Row:
    emotion, speaker, sentence = match.groups()
    return Row(
        item=path.stem,
        corpus="emovo",
        file=path,
        speaker=speaker,
        sex="female" if speaker.startswith("f") else "male",
        language="it",
        sentence=sentence,
        text=_SENTENCES.get(sentence),
        label=canonical("emovo", emotion),
        label_original=emotion,
        acted=True,
    )
