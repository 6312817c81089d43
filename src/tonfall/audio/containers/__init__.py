"""How far a container says that it reaches, so that it can be held against its file.

Libraries that decode are lenient: they quietly shorten what is truncated, and stop at the end of
the first of several recordings that were joined. Both would be analysed in part without a word.
"""

from tonfall.audio.containers.extent import Extent
from tonfall.audio.containers.families import read_extent

__all__ = ["Extent", "read_extent"]
