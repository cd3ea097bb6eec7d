"""Running the server: where it may listen, and how it stops."""

from __future__ import annotations

import ipaddress
import math
import signal
import threading
from types import FrameType

import uvicorn

from knowhow.errors import PolicyError
from knowhow.serving.application import build_application
from knowhow.serving.service import Service


class Server(uvicorn.Server):
    """A server that, told to stop, refuses new questions at once and finishes the answers it has begun."""

    def __init__(self, service: Service, host: str, port: int) -> None:
        check_address(host, has_keys=service.needs_keys)
        self.service = service
        super().__init__(
            uvicorn.Config(
                build_application(service),
                host=host,
                port=port,
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=30,
                # Later than our own end of patience, so that a cut answer still says that it was cut.
                timeout_graceful_shutdown=math.ceil(service.settings.grace_seconds) + 2,
                h11_max_incomplete_event_size=64 * 1024,
                ws="none",
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully at the first signal, at once at the second."""
        self.stop(is_forced=self.should_exit and sig == signal.SIGINT)

    def stop(self, *, is_forced: bool = False) -> None:
        """Begin to stop, from any thread."""
        self.service.answerer.stop()
        patience = threading.Timer(self.service.settings.grace_seconds, self.service.answerer.abandon)
        patience.daemon = True
        patience.start()
        self.force_exit = self.force_exit or is_forced
        self.should_exit = True


def check_address(host: str, *, has_keys: bool) -> None:
    """Raise PolicyError for an address that others can reach while nobody needs a key."""
    if has_keys or host == "localhost":
        return
    try:
        is_loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise PolicyError(
            f"{host} can be reached from other machines, and there are no API keys, so everybody could ask and change everything. "
            "Make a key first: knowhow key create NAME --role admin"
        )
