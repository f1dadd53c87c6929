"""The configuration that the controller desires, and what this gateway made of it (§11)."""
