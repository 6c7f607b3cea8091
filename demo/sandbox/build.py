"""Put a tree together: `python demo/sandbox/build.py 4.3 DIRECTORY`."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
VERSIONS = ("4.2", "4.3")


def build(version: str, destination: Path) -> None:
    """Write the complete tree of a version to an empty or new directory."""
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        sys.exit(f"There is no sandbox {version}: choose one of {known}")
    if destination.exists() and any(destination.iterdir()):
        sys.exit(f"{destination} is not empty: give a new directory")
    for part in ("common", version):
        shutil.copytree(HERE / part, destination, dirs_exist_ok=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: build.py VERSION DIRECTORY")
    build(sys.argv[1], Path(sys.argv[2]))
