"""`python -m kling_batch` is the command."""

import sys

from kling_batch.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
