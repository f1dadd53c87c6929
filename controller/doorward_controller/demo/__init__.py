"""The product running on one machine: broker, controller and three simulated gateways.

The same world serves a person who watches the console and an unattended run that counts records.
"""
