"""Updates of the gateway's own software: fetched, tried, and taken back by the one before."""
