"""Building releases: one file for a part and a platform, the same bytes each time."""
