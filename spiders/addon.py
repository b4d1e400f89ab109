"""Turns recording on in any Scrapy project: ADDONS = {"spiders.addon.Archive": 100}."""

from scrapy.settings import BaseSettings

RECORDING = {
    "DOWNLOAD_HANDLERS": {
        "http": "spiders.handler.CaptureHandler",
        "https": "spiders.handler.CaptureHandler",
    },
    # A cache hit makes no capture.
    "HTTPCACHE_ENABLED": False,
    # Readers of WARCs crash on br today, and have no zstd at all.
    "DEFAULT_REQUEST_HEADERS": {
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Encoding": "gzip, deflate",
    },
    # 100 tasks per response is the default: measured at 12 times the cost of four.
    "CONCURRENT_ITEMS": 4,
    # These open a port for whoever finds it.
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
}


class Archive:
    """The add-on: our download handler and recorder, and the settings that they need."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Scrapy calls this before it builds anything."""
        for name, value in RECORDING.items():
            settings.set(name, value, priority="addon")
        extensions = settings.getdict("EXTENSIONS")
        extensions["spiders.recorder.Recorder"] = 0
        extensions["spiders.polite.Politeness"] = 0
        extensions["spiders.gauge.Gauge"] = 0
        settings.set("EXTENSIONS", extensions, priority="addon")
