"""A manifest's text becomes jobs: schema, templates, matrix, checks. Pure; files come through a `read` passed in."""
