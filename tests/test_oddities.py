"""What crosses the wire is what the archive holds: the odd exchanges of benchmarks/odd.py."""

from benchmarks.fidelity import CONTESTANTS, Verdict, suite
from benchmarks.odd import OddServer, cases

# Not yet exact: heads of 1xx are not stored, and a request that is tried again on a fresh connection is lost.
TO_COME: set[str] = set()
TRIED_AGAIN: set[str] = set()


def wrong(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {v.name.split("/")[1]: v for v in verdicts if v.request or v.response}


def test_odd_exchanges_are_kept_byte_for_byte() -> None:
    ours, how = CONTESTANTS[0]
    verdicts = suite(ours, how)
    assert len(verdicts) > len(cases())
    found = wrong(verdicts)
    assert {name: v for name, v in found.items() if name not in TO_COME | TRIED_AGAIN} == {}


def test_the_oddities_have_names_of_their_own() -> None:
    names = [case.name for case in cases()]
    assert len(names) == len(set(names)) > 41


def test_the_server_keeps_what_it_was_sent_and_what_it_sent() -> None:
    import socket

    with OddServer() as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /obs-fold HTTP/1.1\r\nHost: x\r\n\r\n")
        got = client.recv(65536)
        (crossed,) = server.crossed
        assert crossed.received == b"GET /obs-fold HTTP/1.1\r\nHost: x\r\n\r\n"
        assert crossed.sent == got
