"""Acts: one a module, one transaction and one audit entry an act."""
