"""The service outside: its wire format and faults (pure), its pace (pure), and the client that speaks to it."""
