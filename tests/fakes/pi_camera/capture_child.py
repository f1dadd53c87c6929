"""The capture process's own program, in surroundings in which the real picamera2 can be loaded."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from doorward_edge.capture import child
from tests.fakes.pi_camera import around_picamera2

if __name__ == "__main__":
    around_picamera2.install()
    os._exit(child.main(sys.argv[1:]))
