"""How a gateway gets its identity, and keeps it: a claim, keys made here, renewal."""
