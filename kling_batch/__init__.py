"""kling-batch: a declarative batch runner for AI video."""
