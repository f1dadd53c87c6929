"""What the pages, drawings and tables of `hardware/` are made of. Nothing here runs at a gate."""
