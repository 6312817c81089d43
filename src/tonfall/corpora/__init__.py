"""Speech corpora: the manifest, one reader a corpus, and where to get them."""

from tonfall.corpora.columns import COLUMNS, SCHEMA_VERSION
from tonfall.corpora.download import download
from tonfall.corpora.lookup import (
    DATA_VARIABLE,
    MANIFESTS,
    Places,
    data_folders,
    open_corpora,
    read_places,
)
from tonfall.corpora.manifest import Manifest
from tonfall.corpora.preparation import Report, prepare
from tonfall.corpora.registry import CORPORA, Archive, Corpus, find_corpus
from tonfall.corpora.summary import Spread, Summary, measure_levels, summarize
from tonfall.corpora.validation import Kind, Problem

__all__ = [
    "COLUMNS",
    "CORPORA",
    "DATA_VARIABLE",
    "MANIFESTS",
    "SCHEMA_VERSION",
    "Archive",
    "Corpus",
    "Kind",
    "Manifest",
    "Places",
    "Problem",
    "Report",
    "Spread",
    "Summary",
    "data_folders",
    "download",
    "find_corpus",
    "measure_levels",
    "open_corpora",
    "prepare",
    "read_places",
    "summarize",
]
