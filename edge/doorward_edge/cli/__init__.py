"""The commands of `doorward-edge`."""
