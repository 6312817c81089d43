"""The models that are installed with Tonfall, one folder each."""
