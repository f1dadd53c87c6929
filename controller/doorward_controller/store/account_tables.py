"""What belongs to operators beside name and password."""
