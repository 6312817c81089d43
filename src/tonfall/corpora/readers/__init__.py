"""One module a corpus: from the release's own layout to rows."""
