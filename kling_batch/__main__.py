"""The command, as a script and as `python -m kling_batch`; Ctrl-C is heard while it is still being imported."""

import sys

INTERRUPTED = 130


def command() -> int:
    """Import the command line, which takes a while, and run it; return its exit code."""
    try:
        from kling_batch.cli.main import main  # noqa: PLC0415 - its import is what may be interrupted
    except KeyboardInterrupt:
        return INTERRUPTED
    return main()


if __name__ == "__main__":
    sys.exit(command())
