"""The way in: MQTT messages to acts, each confirmed to the broker only after its commit."""
