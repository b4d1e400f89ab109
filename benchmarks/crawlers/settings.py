"""The project's settings with more at once: the project itself allows 16, which is polite."""

from spiders.settings import *  # noqa: F403

CONCURRENT_REQUESTS = 32
