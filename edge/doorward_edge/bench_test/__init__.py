"""The bench test: every wire, lamp, camera and clock of a gateway, before a door hangs on it.

`lines` names what is wired, `loops` judges outputs that are wired to inputs, `steps` runs one kind
of test each, `results` holds what was found, `sheet` writes it down.
"""
