"""Formats and pure rules shared by gateway and controller."""
