"""Work orders, plans, parts, downtime."""
