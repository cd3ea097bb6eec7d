"""The options of a strategy as knowhow.toml gives them."""

from __future__ import annotations

from typing import Any

from knowhow import registry
from knowhow.config import Settings
from knowhow.protocols import Strategy


def strategy_options(settings: Settings, name: str) -> dict[str, Any]:
    """Return [strategy.<name>], and for routing [router] with the options of the strategies that it sends questions to."""
    if name != "routed":
        return dict(settings.strategy.get(name, {}))
    others = {other: dict(options) for other, options in settings.strategy.items() if other != name}
    return {**settings.router, **({"options": others} if others else {})}


def strategy_section(name: str) -> str:
    """Return where those options stand, for messages."""
    return "knowhow.toml [router]" if name == "routed" else f"knowhow.toml [strategy.{name}]"


def build_strategy(settings: Settings, name: str, **extra: Any) -> Strategy:
    """Build a strategy with its options; ConfigError names the section."""
    options = {**strategy_options(settings, name), **extra}
    strategy: Strategy = registry.build("strategy", name, options, section=strategy_section(name))
    return strategy
