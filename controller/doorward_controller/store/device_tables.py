"""Devices and their components."""
