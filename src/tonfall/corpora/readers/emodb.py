"""EmoDB: ten German actors say ten sentences (Burkhardt et al., 2005).

Layout: ``wav/SStttEv.wav``: speaker, text, emotion, version.
"""

from __future__ import annotations

import re
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, matched_files
from tonfall.emotion.maps import canonical

__all__ = ["read"]

_NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])")
_SPEAKERS = {
    "03": ("male", 31),
    "08": ("female", 34),
    "09": ("female", 21),
    "10": ("male", 32),
    "11": ("male", 26),
    "12": ("male", 30),
    "13": ("female", 32),
    "14": ("female", 35),
    "15": ("male", 25),
    "16": ("female", 31),
}
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def read(root: Path) -> Reading:
    """Rows of the 535 clips."""
    clips, strays = matched_files(root, _NAME)
    return Reading(tuple(_row(path, match) for path, match in clips), strays=strays)


def _row(path: Path, match: re.Match[str]) -> Row:
    speaker, sentence, emotion, _ = match.groups()
    sex, age = _SPEAKERS.get(speaker, (None, None))
    return Row(
        item=path.stem,
        corpus="emodb",
        file=path,
        speaker=speaker,
        sex=sex,
        age=age,
        language="de",
        sentence=sentence,
        text=_SENTENCES.get(sentence),
        label=canonical("emodb", emotion),
        label_original=emotion,
        acted=True,
    )
