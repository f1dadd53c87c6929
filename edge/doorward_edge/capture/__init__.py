"""The camera in a process of its own: a driver that hangs or crashes takes no gateway with it."""
