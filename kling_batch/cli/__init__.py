"""Arguments in, parts wired, exit code out: one file a group of verbs, no policy."""
