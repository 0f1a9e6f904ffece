"""The connection to PostgreSQL, shared by a process."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
from psycopg import AsyncConnection as DriverConnection
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.exceptions import ApplicationError

from models.settings import Settings


class Database:
    """A pool of connections and the ways to use one.

    Args:
        settings: where the database is and how many connections to keep.
    """

    def __init__(self, settings: Settings) -> None:
        self.url = settings.sqlalchemy_url
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=settings.database_pool,
            max_overflow=0,
            pool_timeout=5,
            pool_use_lifo=True,  # the connection used last has its statements prepared and its catalogue read; in turn, all stay half cold
            pool_recycle=1800,
            connect_args={"connect_timeout": 5, "options": "-c timezone=UTC -c statement_timeout=30000", "prepare_threshold": 3},
        )
        self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")  # the same pool
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed at the end, or rolled back by an exception."""
        async with self._sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection within one transaction."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose every statement stands for itself, without the two round trips a transaction costs beside it."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def locked(self, key: int) -> AsyncIterator[AsyncConnection]:
        """A connection of one's own that holds an advisory lock over any number of transactions.

        The lock belongs to the server's session, so it outlives each transaction and goes with the connection when the
        process dies. A pooler between here and PostgreSQL must keep sessions apart (session mode).

        Args:
            key: of the lock; waits until nobody else holds it.
        """
        async with self.engine.connect() as connection:
            async with connection.begin():
                await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
            try:
                yield connection
            finally:
                async with connection.begin():
                    await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()


@contextmanager
def engine_errors(failed: str) -> Iterator[None]:
    """Turn what the database raises into what an activity may raise: an error that says no more than what failed and how.

    A driver's own message can quote the row at fault, and a failure's message stays in Temporal's history.

    Args:
        failed: what could not be done, as a sentence without a full stop.

    Raises:
        ApplicationError: retryable; of type `DatabaseAway` when the database is out of reach or busy, `DatabaseRefused`
            when it said no to the statement.
    """
    try:
        yield
    except (SQLAlchemyError, psycopg.Error, OSError, TimeoutError) as err:
        cause = err.orig if isinstance(err, DBAPIError) else err
        said_no = isinstance(cause, psycopg.IntegrityError | psycopg.DataError | psycopg.ProgrammingError)
        kind = "DatabaseRefused" if said_no else "DatabaseAway"
        raise ApplicationError(f"{failed} ({type(cause).__name__})", type=kind) from None


async def driver(connection: AsyncConnection | AsyncSession) -> DriverConnection:
    """The psycopg connection under this transaction, for pipelines and COPY, which SQLAlchemy does not offer."""
    if isinstance(connection, AsyncSession):
        connection = await connection.connection()
    raw = await connection.get_raw_connection()
    found = raw.driver_connection
    assert isinstance(found, DriverConnection)  # noqa: S101 - narrows the type
    return found
