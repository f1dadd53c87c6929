"""Groups of commands that are more than a few lines each; `__main__` puts them together."""
