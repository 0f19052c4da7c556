"""Reading a large text makes a million values and no circles: the garbage collector would look through all, in vain."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the garbage collector back while a text is read, and what it says is worked out.

    What was made is handed to the collector's oldest generation: as young as it is, the next allocation would have it
    looked through.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if not gc.get_freeze_count():  # else the host keeps something frozen, and we would thaw it
                gc.freeze()
                gc.unfreeze()
            gc.enable()
