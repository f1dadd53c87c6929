"""How the gateway is: what is measured, what counts as a change, and what is done about a fault."""
