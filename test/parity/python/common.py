"""What the verification scripts share: specc run as a command, and tensors compared."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = ROOT / "test" / "parity" / "data"


def specc(*arguments, cwd):
    """Runs the command line built in dist/ (npm run build); its standard output."""
    command = ["node", str(ROOT / "bin" / "specc.js"), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


failures = []


def check(what, ok, detail=""):
    print(f"{'ok  ' if ok else 'FAIL'} {what}{'  ' + detail if detail else ''}", flush=True)
    if not ok:
        failures.append(what)


def finish():
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)
