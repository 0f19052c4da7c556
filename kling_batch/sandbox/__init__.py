"""The service, pretended: a world without clock or socket (pure), and the HTTP server in front of it."""
