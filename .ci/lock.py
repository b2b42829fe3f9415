"""Write .ci/lock.txt: the exact versions and hashes that pip chooses now for the extras dev and docs.

Run with the Python of CI: python .ci/lock.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAD = """# Exact versions and hashes of what CI installs: CPython 3.11 on Linux x86-64, extras dev and docs.
# Made by .ci/lock.py; pip install --require-hashes --no-deps -r .ci/lock.txt
"""


def main() -> None:
    """Ask pip what it would install, download nothing but metadata, and write it down."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    options = ["--constraint", "constraints.txt", ".[dev,docs]"]
    report = json.loads(subprocess.run([*command, *options], check=True, capture_output=True, text=True).stdout)
    lines = []
    for item in report["install"]:
        name, version = item["metadata"]["name"].lower().replace("_", "-"), item["metadata"]["version"]
        if name != "dielectra":
            lines.append(f"{name}=={version} --hash=sha256:{item['download_info']['archive_info']['hashes']['sha256']}")
    Path(__file__).with_name("lock.txt").write_text(HEAD + "\n".join(sorted(lines)) + "\n")


if __name__ == "__main__":
    main()
