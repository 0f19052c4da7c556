"""Jobs held against the lock: records, the lock file, changes, cost. Pure."""
