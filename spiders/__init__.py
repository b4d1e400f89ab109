"""The Scrapy adapter: sites as data, discovery, the download handler."""
