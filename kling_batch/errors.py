"""What the world does wrong, each kind with its exit code (design section 7): data, of which only `cli` makes text."""

from collections.abc import Sequence

from kling_batch.text.diagnostic import Diagnostic


class KlingBatchError(Exception):
    """Anything that ends a command on purpose; `exit_code` is what the process returns, `help` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, help: str = "") -> None:  # noqa: A002 - the word of diagnostics
        super().__init__(message)
        self.message = message
        self.help = help


class UsageError(KlingBatchError):
    """The command line, or what it needs from its surroundings, is not as it has to be; nothing was sent."""

    exit_code = 2


class ManifestError(UsageError):
    """A manifest, or what it names, is wrong; the diagnostics of one whole stage."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(f"{len(diagnostics)} mistakes in the manifest")
        self.diagnostics = tuple(diagnostics)


class StateError(KlingBatchError):
    """A lock, journal or file is damaged, foreign or contested, and a human must decide; nothing was overwritten."""

    exit_code = 6

    def __init__(self, message: str, *, help: str = "", diagnostics: Sequence[Diagnostic] = ()) -> None:  # noqa: A002 - as above
        super().__init__(message, help=help)
        self.diagnostics = tuple(diagnostics)


class LockHeldError(KlingBatchError):
    """Another process runs this lock; `holder` is the note it left."""

    exit_code = 7

    def __init__(self, holder: str) -> None:
        super().__init__(f"another run holds this lock: {holder}", help="wait for it, or stop it with Ctrl-C")
        self.holder = holder


class AccountError(KlingBatchError):
    """The key, the balance or the model is not as it has to be; no job is at fault."""

    exit_code = 8


class DiskError(KlingBatchError):
    """The disk refused what has to be durable; submitting stops. `recovery` are the lines that save what is known."""

    exit_code = 6

    def __init__(self, message: str, *, help: str = "", recovery: Sequence[str] = ()) -> None:  # noqa: A002 - as above
        super().__init__(message, help=help)
        self.recovery = tuple(recovery)
