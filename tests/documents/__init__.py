"""Broken and odd documents of made-up newspapers, each with what is to be read from it beside it."""
