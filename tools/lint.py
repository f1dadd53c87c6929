"""Run every check that needs no test run; show the output of those that fail, then the verdict."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = ("doorward", "edge", "controller", "tests", "tools", "bench")
WORDS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "changelog.d", "docs")
CHECKS = {
    "format": ("ruff", "format", "--check", *CODE),
    "ruff": ("ruff", "check", *CODE),
    "mypy": ("mypy",),
    "import contracts": ("tools.import_contracts",),
    "vectors": ("tools.make_vectors", "--check"),
    "reference": ("tools.make_reference", "--check"),
    "spelling": ("codespell_lib", *CODE, *WORDS),
}


def main() -> int:
    """Run the checks one after the other; return 1 if any failed."""
    failed = []
    for name, (module, *arguments) in CHECKS.items():
        present = [one for one in arguments if one not in WORDS or (ROOT / one).exists()]
        began_mono_s = time.monotonic()
        argv = [sys.executable, "-m", module, *present]
        done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
        verdict = "ok" if done.returncode == 0 else "FAILED"
        print(f"{name:<18} {verdict:<7} {time.monotonic() - began_mono_s:5.1f} s", flush=True)
        if done.returncode != 0:
            failed.append(name)
            print(done.stdout + done.stderr, flush=True)
    print(f"lint: {'failed: ' + ', '.join(failed) if failed else 'all checks passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
