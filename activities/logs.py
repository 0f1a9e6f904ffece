"""Logs for operators: one format for our own lines and those of libraries, and nothing of what an exception says."""

import logging
import sys
from traceback import format_tb
from typing import Any

import structlog
from structlog.typing import ExcInfo

from models.settings import Settings

_DEEPEST = 10


class _Handler(logging.StreamHandler[Any]):
    """Ours, to be recognised when logging is set up again."""


def configure(settings: Settings) -> None:
    """Set logging up for this process: one format for our own lines and those of libraries, on standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper("iso", utc=True),
    ]
    as_json = settings.log_format == "json"
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    trace = structlog.processors.ExceptionRenderer(_trace)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, trace, renderer]
    handler = _Handler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept, _Handler)] + [handler]
    root.setLevel(settings.log_level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in ("uvicorn.access", "httpx", "httpcore"):  # they would write down query strings
        logging.getLogger(name).setLevel(logging.WARNING)


def _trace(exc_info: ExcInfo) -> str:
    """Where an exception came from, and of what type it is. Not what it says: that may be a lead's name, or a password."""
    parts: list[str] = []
    left: list[BaseException | None] = [exc_info[1]]
    while left and len(parts) < _DEEPEST:
        found = left.pop(0)
        if found is not None:
            parts.append(f"{type(found).__module__}.{type(found).__qualname__}\n{''.join(format_tb(found.__traceback__))}")
            left += found.exceptions if isinstance(found, BaseExceptionGroup) else ()
            left.append(found.__cause__ or (None if found.__suppress_context__ else found.__context__))
    return "caused by ".join(parts).rstrip()
