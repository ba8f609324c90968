"""A real headless browser: the machine's own, or one from the packages of its distribution, in a folder.

``python tests/browser_program.py FOLDER`` (``make browser``) fetches the latter where there is none: 65 MB, and up to
100 more of libraries.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from trainyard.local.clusters.slurm_packages import unpack

PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
"""The font: a machine without a screen may have none, and pages would have no letters."""
OWN = ("chromium-headless-shell", "chromium", "google-chrome")
"""What a machine may have; Ubuntu's ``chromium-browser`` is a snap, which sees no folder of ours."""
_FONTS = """<?xml version="1.0"?>
<fontconfig>
  <dir>/usr/share/fonts</dir><dir>{layer}/usr/share/fonts</dir><cachedir>{layer}/fonts</cachedir>
</fontconfig>
"""


def _layer() -> Path:
    return Path(__file__).parents[1] / ".trainyard" / "browser" / "layer"


def program() -> Path | None:
    """The browser that is there; TRAINYARD_BROWSER names another one."""
    named = os.environ.get("TRAINYARD_BROWSER")
    if named:
        return Path(named)
    found = next(filter(None, map(shutil.which, OWN)), None)
    ours = _layer() / "usr/lib/chromium/chromium-headless-shell"
    return Path(found) if found else ours if ours.exists() else None


def surroundings() -> dict[str, str]:
    """Variables of the environment that it runs with."""
    found = program()
    if found is None or _layer() not in found.parents:
        return dict(os.environ)
    # Libraries that this machine lacks lie below lib and usr/lib.
    folders = sorted({str(each.parent) for each in _layer().rglob("*.so*")})
    libraries = ":".join([*folders, os.environ.get("LD_LIBRARY_PATH", "")]).rstrip(":")
    return {**os.environ, "LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(_layer() / "fonts.conf")}


def missing() -> str:
    """Why there is none; empty when there is one."""
    return "" if program() else "there is no browser: run `make browser`"


def _fetch(folder: Path) -> str:
    own = next(filter(None, map(shutil.which, OWN)), None)
    if own:
        return f"this machine has {own}"
    told = unpack(folder, PACKAGES)
    layer = folder.absolute() / "layer"
    (layer / "fonts.conf").write_text(_FONTS.format(layer=layer), encoding="utf-8")
    return told.rstrip()


if __name__ == "__main__":
    try:
        print(_fetch(Path(sys.argv[1])))
    except OSError as error:
        sys.exit(f"browser: {error}")
