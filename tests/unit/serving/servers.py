"""A live server on loopback over a small workspace, for the tests of the border."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from knowhow.serving.server import Server
from knowhow.serving.service import Service
from knowhow.workspace import Workspace


@contextmanager
def serving(
    folder: Path, *, fallback: str = "parrot", groups: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Service]]:
    """Serve a workspace on a free port of loopback; yields its address and its state."""
    with Workspace(folder) as workspace:
        service = Service(workspace, fallback=fallback, local_groups=groups)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = Server(service, "127.0.0.1", 0)
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                thread.join(0.01)
            assert server.started
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", service
        finally:
            server.stop()
            thread.join(30)
            assert not thread.is_alive()


def client(address: str, key: str = "", **headers: str) -> httpx2.Client:
    """A plain HTTP client that uses no proxy."""
    wanted = {**({"Authorization": f"Bearer {key}"} if key else {}), **headers}
    return httpx2.Client(base_url=address, headers=wanted, trust_env=False, timeout=60)
