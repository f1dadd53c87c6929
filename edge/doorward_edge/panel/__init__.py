"""The gateway's own pages: the screen at a portal, registration by hand, maintenance."""
