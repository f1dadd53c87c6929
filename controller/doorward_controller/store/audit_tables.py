"""What vouches for the audit log."""
