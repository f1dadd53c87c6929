"""Measurements of Doorward on this machine: `make bench`. See `bench/__main__.py`."""
