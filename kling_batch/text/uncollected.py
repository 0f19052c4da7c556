"""Reading a large text makes a million values and no circles: the garbage collector would look through all, in vain."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 100_000  # values, of which a look through takes tens of milliseconds


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the garbage collector back while a text is read, and what it says is worked out.

    Where very much was made, it is handed to the collector's oldest generation: as young as it is, the next allocation
    would have all of it looked through. Not where little was made: garbage that goes along stays there for long.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_count()[0] > MANY and not gc.get_freeze_count():  # what a host has frozen we would thaw
                gc.freeze()
                gc.unfreeze()
            gc.enable()
