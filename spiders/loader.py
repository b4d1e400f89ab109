"""Every site file is a spider: `scrapy list` and `scrapy crawl SITE` know the sites by name."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.settings import BaseSettings

from archive.config import Config, site_folder
from archive.errors import MorgueError
from archive.sites import Site, load_sites
from spiders.news import spider_of


class SiteLoader:
    """Scrapy's SpiderLoaderProtocol over a folder of site files."""

    def __init__(self, folder: Path) -> None:
        self.sites: dict[str, Site] = load_sites(folder)

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> "SiteLoader":
        """Read the folder that MORGUE_SITES names (as setting or in the environment)."""
        chosen = settings.get("MORGUE_SITES")
        try:
            return cls(Path(chosen) if chosen else site_folder(Config.from_env()))
        except MorgueError as error:
            raise SystemExit(f"scrapy: {error}") from error

    def load(self, spider_name: str) -> type[Spider]:
        """The spider of a site; raise KeyError where there is none."""
        return spider_of(self.sites[spider_name])

    def list(self) -> list[str]:
        """The sites' ids."""
        return sorted(self.sites)

    def find_by_request(self, request: Request) -> Sequence[str]:
        """Sites whose home page is on the request's host."""
        host = urlsplit(request.url).netloc
        return [name for name, site in self.sites.items() if site.host == host]
