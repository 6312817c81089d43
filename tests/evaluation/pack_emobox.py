"""Packs EmoBox's fold lists into the package: run by hand when the lists change.

    python tests/evaluation/pack_emobox.py FOLDER_OF_PROTOCOLS

It writes item, speaker and test fold of the corpora that Tonfall reads, and the items of the
cross-corpus test sets. Emotion labels are left out: they come from the corpora's own releases.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pandas as pd

CORPORA = ("ased", "cremad", "emodb", "emovo", "iemocap", "ravdess", "savee", "tess", "urdu")
DATA = Path(__file__).parents[2] / "src" / "tonfall" / "evaluation" / "protocols" / "data"


def packed(path: Path) -> pd.DataFrame:
    """One row an item: corpus, item, speaker, fold; fold is where it is tested, 0 is nowhere."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert set(rows["part"]) == {"train", "test"}
    assert len(rows) == rows["item"].nunique() * rows["fold"].nunique()
    tested = rows[rows["part"] == "test"].set_index("item")["fold"]
    items = rows.drop_duplicates("item").sort_values("item")
    return pd.DataFrame(
        {
            "corpus": path.name.partition(".")[0],
            "item": items["item"],
            "speaker": items["speaker"],
            "fold": items["item"].map(tested).fillna("0"),
        }
    )


def write(table: pd.DataFrame, path: Path) -> None:
    """Write the same bytes for the same table."""
    text = table.to_csv(index=False, lineterminator="\n")
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(path.name, len(table), "rows", path.stat().st_size, "bytes")  # noqa: T201


def main(folder: Path) -> None:
    """Pack both tables."""
    lists = [next((folder / "emobox").glob(f"{name}.csv*")) for name in CORPORA]
    write(pd.concat([packed(path) for path in lists]), DATA / "emobox.csv.gz")
    cross = pd.read_csv(folder / "emobox" / "crosscorpus_testsets.csv", dtype=str)
    cross["corpus"] = cross["corpus"].str.lower()
    # Names of MELD lack the split; where two would fit, the first is taken.
    split = "-" + cross["meld_split"].str.partition("/")[0]
    cross["item"] = cross["item"].str.removeprefix("final_videos_test") + split.fillna("")
    cross = cross.sort_values(["corpus", "item"])
    write(cross[["corpus", "item", "speaker"]], DATA / "emobox_cross.csv.gz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
