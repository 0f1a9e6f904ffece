"""How every process of ours reaches Temporal: the connection's settings, and the one data converter."""

from temporalio.client import Client, RetryConfig
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.plugin import SimplePlugin
from temporalio.runtime import Runtime

TYPED = SimplePlugin("twoway", data_converter=pydantic_data_converter)
"""Set on every client and replayer, so that a message comes back as what it was sent as."""


async def connect(*, lazy: bool = False, retries: RetryConfig | None = None, runtime: Runtime | None = None) -> Client:
    """A client of the Temporal that the environment names (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, TLS).

    Args:
        lazy: connect with the first call, so that an absent Temporal is not noticed here.
        retries: how long a call goes on trying; the SDK's ten seconds when left out.
        runtime: metrics and logging of the SDK's core; the process's default when left out.

    Raises:
        RuntimeError: when Temporal is out of reach and `lazy` is off.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(**config, plugins=[TYPED], lazy=lazy, retry_config=retries, runtime=runtime)
