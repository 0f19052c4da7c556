"""The only hand on the disk: atomic write, durable append, part files, and the run lock.

A rename without a sync of file *and* folder loses acknowledged writes at a power cut (reliability b6), so both are
synced always. A failed sync is never tried again: the kernel has marked the pages clean, and would lie. All calls
block; what the disk refuses is a `DiskError`, what is not there or not allowed an `OSError`.
"""

from kling_batch.store.appender import Appender
from kling_batch.store.files import (
    below,
    link_file,
    make_folder,
    move_file,
    own_folder,
    read_bytes,
    sha256_of,
    sync_folder,
    write_atomic,
)
from kling_batch.store.part import PartFile, copy_file
from kling_batch.store.runlock import RunLock
from kling_batch.store.seen import Seen

__all__ = [
    "Appender",
    "PartFile",
    "RunLock",
    "Seen",
    "below",
    "copy_file",
    "link_file",
    "make_folder",
    "move_file",
    "own_folder",
    "read_bytes",
    "sha256_of",
    "sync_folder",
    "write_atomic",
]
