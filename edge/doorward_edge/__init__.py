"""The gateway firmware."""
