"""A plan becomes events: the lifecycle table (pure), the engine that carries it out, the journal, the runner."""
