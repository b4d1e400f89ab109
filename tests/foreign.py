"""Somebody else's Scrapy project: it knows Newsmorgue by one line of its settings."""

import os
import subprocess
import sys
from pathlib import Path

SETTINGS = """\
BOT_NAME = "foreign"
SPIDER_MODULES = ["foreign.crawlers"]
ADDONS = {"spiders.addon.Archive": 100}
"""


def project(folder: Path, spider: str, settings: str = "") -> Path:
    """Make a project with one spider, whose code is `spider`; `settings` are lines on top."""
    package = folder / "foreign"
    (package / "crawlers").mkdir(parents=True)
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = foreign.settings\n")
    (package / "__init__.py").write_text("")
    (package / "settings.py").write_text(SETTINGS + settings)
    (package / "crawlers" / "__init__.py").write_text(spider)
    return folder


def crawl(folder: Path, name: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """`scrapy crawl NAME` inside the project."""
    return subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", name],
        cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
