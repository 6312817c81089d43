"""The server: telephone audio in, emotion every second out.

What there is so far are the codecs of the telephone systems, :mod:`tonfall.serve.codecs`; they
know no socket and no clock. The server around them is not built yet.
"""

__all__: list[str] = []
