"""What an installer is told about a code before the camera: how large, sharp and lit it is."""
