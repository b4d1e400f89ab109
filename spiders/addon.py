"""Turns recording on in any Scrapy project: ADDONS = {"spiders.addon.Archive": 100}."""

from typing import Any

from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

RECORDING: dict[str, Any] = {
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
    # 100 tasks per response is the default, and each costs: what a callback yields is taken one by one.
    "CONCURRENT_ITEMS": 1,
    # These open a port for whoever finds it.
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
}
EXTENSIONS = {"spiders.recorder.Recorder": 0, "spiders.polite.Politeness": 0, "spiders.gauge.Gauge": 0}


class Archive:
    """The add-on: our download handler and recorder, and the settings that they need."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Scrapy calls this before it builds anything."""
        for name, value in RECORDING.items():
            settings.set(name, value, priority="addon")
        # Beside those of the project, whose own setting would win over an add-on's.
        rank = max(settings.getpriority("EXTENSIONS") or 0, SETTINGS_PRIORITIES["addon"])
        settings.set("EXTENSIONS", settings.getdict("EXTENSIONS") | EXTENSIONS, priority=rank)
