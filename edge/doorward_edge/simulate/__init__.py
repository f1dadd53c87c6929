"""Codes in front of a camera that does not exist: the renderer and the scene camera.

Part of the product: demonstrations, the benchmark of readers and the system tests all look
through it. Everything random comes from the generator that is passed in, so a seed is a picture.
"""
