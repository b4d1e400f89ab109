"""Scrapy's settings for this project; a site's own file and the command line override them."""

from urllib.request import getproxies

from archive import __version__
from archive.config import Config
from spiders.addon import RECORDING

PRODUCT = "newsmorgue"
CONTACT = Config.from_env().contact

BOT_NAME = PRODUCT
SPIDER_LOADER_CLASS = "spiders.loader.SiteLoader"
ADDONS = {"spiders.addon.Archive": 100}

USER_AGENT = f"{PRODUCT}/{__version__} (+{CONTACT})" if CONTACT else f"{PRODUCT}/{__version__}"
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = PRODUCT
DEFAULT_REQUEST_HEADERS = {**RECORDING["DEFAULT_REQUEST_HEADERS"], "User-Agent": USER_AGENT}
COOKIES_ENABLED = False
HTTPPROXY_ENABLED = bool(getproxies())
REFERER_ENABLED = False
# Each looks at every response for nothing that we use; the first reads the spider's source again each time.
WARN_ON_GENERATOR_RETURN_VALUE = False
DOWNLOADER_STATS = False

# Each is asked about every request and response, and our spiders need nothing of what it does.
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": None,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
    "spiders.coding.Decoding": 590,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "spiders.relay.Gate": 90,
    "spiders.robots.Robots": 100,
}

DOWNLOADER = "spiders.downloader.StraightDownloader"

SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
}
EXTENSIONS = {
    "scrapy.extensions.corestats.CoreStats": None,
    "scrapy.extensions.logcount.LogCount": None,
}
STATS_CLASS = "scrapy.statscollectors.DummyStatsCollector"

CONCURRENT_REQUESTS = 16
CONCURRENT_REQUESTS_PER_DOMAIN = 2
# The pace of a host is kept where requests are sent (spiders.polite), not in Scrapy's queue.
DOWNLOAD_DELAY = 0
MORGUE_DELAY = 1.0
DOWNLOAD_TIMEOUT = 60
DOWNLOAD_MAXSIZE = 64 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
# A part of a page is better than none, and it is marked as one.
DOWNLOAD_FAIL_ON_DATALOSS = False
RETRY_TIMES = 2
RETRY_GIVE_UP_LOG_LEVEL = "INFO"
REDIRECT_MAX_TIMES = 10

LOG_LEVEL = "INFO"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# How far the crawl is, in our own words.
LOGSTATS_INTERVAL = 0
MORGUE_PROGRESS_SECONDS = Config.from_env().progress
STATS_DUMP = False
