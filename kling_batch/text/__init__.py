"""Text that can be pointed at: sources, spans, diagnostics, documents. Pure."""
