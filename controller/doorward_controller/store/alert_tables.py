"""Alerts, the rules that raise them, who is told, and what was delivered."""
