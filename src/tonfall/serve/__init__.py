"""The server: telephone audio in, emotion every second out.

From the bottom up: :mod:`~tonfall.serve.codecs` reads telephone systems' protocols,
:mod:`~tonfall.serve.records` says what is passed round, :mod:`~tonfall.serve.store` keeps it,
:mod:`~tonfall.serve.alerts` and :mod:`~tonfall.serve.calls` make it, :mod:`~tonfall.serve.carriers`
and :mod:`~tonfall.serve.http` have the sockets, and :mod:`~tonfall.serve.node` puts it together.
Nothing is imported here: the command line starts quickly.
"""

__all__: list[str] = []
