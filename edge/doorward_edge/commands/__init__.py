"""What the controller tells this gateway to do, and what becomes of it (docs/protocol.md §10)."""
