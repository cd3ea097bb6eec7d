"""Loaders that do what a hostile file makes a parser do; the worker of a test imports this module by name."""

import ctypes
import os
import socket
import time
from dataclasses import dataclass
from typing import ClassVar

from knowhow.corpus.content import Content, Loaded, Part
from knowhow.registry import register


@register("loader", "hostile")
@dataclass(frozen=True)
class HostileLoader:
    """Does what the file's content says."""

    suffixes: ClassVar[tuple[str, ...]] = (".hostile",)
    version: ClassVar[int] = 1

    def load(self, data: bytes, name: str) -> Loaded:
        command = data.decode()
        if command == "hang":
            time.sleep(600)
        elif command == "spin":
            while True:
                pass
        elif command == "memory":
            kept = [bytearray(50_000_000) for _ in range(200)]
            return Loaded((Content((Part(str(len(kept))),)),))
        elif command == "segfault":
            ctypes.string_at(0)
        elif command == "exit":
            os._exit(3)
        elif command == "raise":
            raise RuntimeError("parser bug")
        elif command == "recurse":
            return self.load(data, name)
        elif command == "connect":
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        elif command == "noise":
            print("noise on stdout" * 10_000)
            os.write(1, b"more noise\n" * 1000)
        return Loaded((Content((Part(f"pid {os.getpid()}: {command}"),)),))
