"""The command line, as ``python -m tonfall``."""

from tonfall.cli import main

if __name__ == "__main__":
    main()
