"""A program that answers the control line of a simulated gateway: `… simulate --config FILE`.

It decides 0.1 s after a code is shown, and only about codes that begin with "DW". It forgets
everything when it is killed, and writes nothing.
"""

import json
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any

COUNTERS = {"granted": 0, "denied": 0}


def decide_soon(payload: str) -> None:
    def decide() -> None:
        time.sleep(0.1)
        COUNTERS["granted"] += 1

    if payload.startswith("DW"):
        threading.Thread(target=decide, daemon=True).start()


class Line(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        answer: dict[str, Any] = {"ok": True}
        if asked["do"] == "show":
            decide_soon(asked["payload"])
        elif asked["do"] == "state":
            answer |= {
                "counters": COUNTERS,
                "status_seq": 3,
                "journal": {"pending": 2, "head": 5, "tail": 1},
            }
        elif asked["do"] != "clear":
            answer = {"ok": False, "error": "what?"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def main() -> None:
    path = Path(sys.argv[sys.argv.index("--config") + 1]).parent / "data" / "control.sock"
    path.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Line) as server:
        print(json.dumps({"event": "ready"}), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
