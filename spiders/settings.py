"""Scrapy's settings for this project; a site's own file and the command line override them."""

from archive import __version__
from archive.config import Config

PRODUCT = "newsmorgue"
CONTACT = Config.from_env().contact

BOT_NAME = PRODUCT
SPIDER_LOADER_CLASS = "spiders.loader.SiteLoader"
ADDONS = {"spiders.addon.Archive": 100}

USER_AGENT = f"{PRODUCT}/{__version__} (+{CONTACT})" if CONTACT else f"{PRODUCT}/{__version__}"
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = PRODUCT
COOKIES_ENABLED = False

CONCURRENT_REQUESTS = 16
CONCURRENT_REQUESTS_PER_DOMAIN = 2
DOWNLOAD_DELAY = 1.0
DOWNLOAD_TIMEOUT = 60
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
RETRY_TIMES = 2
RETRY_GIVE_UP_LOG_LEVEL = "INFO"
REDIRECT_MAX_TIMES = 10
HTTPERROR_ALLOW_ALL = True
# A feed or sitemap is XML: the size of a page does not tell whether to parse it.
REFERRER_POLICY = "no-referrer"

LOG_LEVEL = "INFO"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LOGSTATS_INTERVAL = 10.0
STATS_DUMP = False
