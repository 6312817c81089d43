"""Speed and accuracy, measured: each module prints one table, ``python -m benchmarks.<module>``."""
