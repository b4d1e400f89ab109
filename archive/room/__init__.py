"""The reading room, and replay beside it on an origin of its own: start at `archive.room.desk`.

Two applications, never one: what was archived runs scripts, and scripts must not reach the room.
"""
