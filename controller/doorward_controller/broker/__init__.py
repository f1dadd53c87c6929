"""The MQTT broker: its certificates, its configuration, and a runner for one of our own.

`authority` makes certificates, `access` and `configuration` write Mosquitto's files as pure text,
`binary` finds the program, `process` runs it. Nothing here speaks MQTT.
"""
