"""The repository of signed releases: a folder that is served as it is, and who signs what in it.

The rules are those of The Update Framework; python-tuf is named in this package alone.
"""
