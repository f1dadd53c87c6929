"""Adapters: each wraps one vendor library behind a port, and no adapter knows another."""
