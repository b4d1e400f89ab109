"""`morgue serve`: the reading room and the replay."""

from datetime import timedelta

import click

from archive.cli.options import archive_option, the_store
from archive.config import Config, site_folder


@click.command()
@archive_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, help="Port of the reading room (0: any).")
@click.option("--replay-port", default=8091, show_default=True, help="Port of the replay (0: any).")
@click.option("--room-url", default="", metavar="URL", help="Public URL of the room, behind a proxy.")
@click.option(
    "--replay-url", default="", metavar="URL",
    help="Public URL of the replay, of the same site; a * in it is one origin for each archived host.",
)  # fmt: skip
@click.option(
    "--max-spread", type=click.FloatRange(0, min_open=True), metavar="HOURS",
    help="Show a part of a page as missing where it was captured farther from it than this.",
)  # fmt: skip
@click.option(
    "--framed-by", default="", metavar="URL", help="Origin that may show the room in a frame: Airflow's."
)
def serve(
    archive: str | None, host: str, port: int, replay_port: int, room_url: str, replay_url: str,
    framed_by: str, max_spread: float | None,
) -> None:  # fmt: skip
    """Open the reading room: newspapers, articles, captures and their replay.

    Example: morgue serve --archive s3://bucket/papers --port 9090
    """
    from archive.room import wabac
    from archive.room.desk import open_desk
    from archive.sites import SiteFolder

    store = the_store(archive, exists=False)
    config = Config.from_env()
    desk = open_desk(
        store,
        SiteFolder(site_folder(config)),
        host=host,
        port=port,
        replay_port=replay_port,
        room_url=room_url,
        replay_url=replay_url,
        rights=config.rights,
        search=config.search,
        framed_by=framed_by,
        max_spread=timedelta(hours=max_spread) if max_spread else None,
    )
    if not desk.worker:
        click.echo(f"Replay is off: {wabac.HOW}", err=True)
    click.echo(
        f"Reading room of {store.url}: {desk.room_url}/ (replay on {desk.replay_url}/; Ctrl-C ends it)"
    )
    desk.serve()
