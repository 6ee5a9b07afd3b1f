"""`python -m tests.benchmarks [NAME]`: run one benchmark or all, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    """Exit 2 for an unknown name; otherwise 0, whatever the figures say."""
    names = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    wanted = sys.argv[1:] or names
    for name in wanted:
        if name not in names:
            print(f"no benchmark named {name}; there are: {', '.join(names)}", file=sys.stderr)
            return 2
        subprocess.run([sys.executable, str(FOLDER / f"bench_{name}.py")], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
