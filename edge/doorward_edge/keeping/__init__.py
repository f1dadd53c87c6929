"""The gateway's own secrets on its disk: sealed under one key, which something else guards."""
