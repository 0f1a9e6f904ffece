"""How insights are asked of the database: leads are counted in cells, one for every group and way they went, and cells are summed up.

One pass with one counter is several times as quick as a pass with a counter for each figure, and as exact.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import GROUPS, MOST_GROUPS, REST, UNKNOWN, Asked

Row = dict[str, Any]

COHORT = "arrived_at >= :since AND arrived_at < :until"
"""The leads that are asked about."""


async def calmly(connection: AsyncConnection) -> None:
    """Prepare a transaction for reading many rows: compiling a query of ours takes longer than running it."""
    await connection.execute(text("SET LOCAL jit = off"))
    await connection.execute(text("SET LOCAL work_mem = '64MB'"))


async def rows(connection: AsyncConnection, query: str, asked: Asked, **more: Any) -> list[Row]:
    """What a query finds. It may speak of what `Asked.parameters` names and of what `more` adds."""
    found = await connection.execute(text(query), {**asked.parameters, **more})
    return [dict(row) for row in found.mappings()]


def group_of(asked: Asked) -> str:
    """The expression that says which group a journey `j` is in; weeks by their number in `asked.weeks`."""
    return (
        "width_bucket(j.arrived_at, CAST(:weeks AS timestamptz[]))"
        if asked.by == "week"
        else f"coalesce(nullif({GROUPS[asked.by]}, ''), :unknown)"
    )


async def cells(
    connection: AsyncConnection, ways: Mapping[str, str], asked: Asked, sums: Iterable[str] = (), **more: Any
) -> dict[str | None, list[Row]]:
    """The journeys that arrived in the time asked for, counted by group and by the way they went.

    Args:
        connection: to the database.
        ways: by name what tells ways apart: expressions on `journeys j` with few values.
        asked: what to divide by.
        sums: columns to be summed up too.
        more: parameters of the ways' expressions.

    Returns:
        By group its cells: the ways by name, the sums, and `leads`. All together come first, as None. Then weeks in their order,
        everything else with the largest group first; what is beyond the largest groups is one group more.
    """
    named = ", ".join(f"{expression} AS {name}" for name, expression in ways.items())
    summed = "".join(f", sum({column}) AS {column}" for column in sums)
    query = f"""
        WITH cells AS MATERIALIZED (
            SELECT {group_of(asked)} AS name, {named}, count(*) AS leads{summed} FROM journeys j WHERE {COHORT}
            GROUP BY {", ".join(str(n + 1) for n in range(len(ways) + 1))}),
        largest AS MATERIALIZED (SELECT name FROM cells GROUP BY name ORDER BY sum(leads) DESC, name LIMIT :most)
        SELECT CASE WHEN largest.name IS NULL THEN :rest ELSE cells.name::text END AS "group", {", ".join(ways)},
            CAST(sum(leads) AS bigint) AS leads{summed}
        FROM cells LEFT JOIN largest USING (name) GROUP BY {", ".join(str(n + 1) for n in range(len(ways) + 1))}"""  # noqa: S608 - constants of ours
    most = len(asked.weeks) + 1 if asked.by == "week" else MOST_GROUPS
    found = await rows(connection, query, asked, most=most, rest=REST, unknown=UNKNOWN, weeks=asked.weeks, **more)
    return _in_order(found, asked)


def _in_order(found: Sequence[Row], asked: Asked) -> dict[str | None, list[Row]]:
    by_group: dict[str, list[Row]] = {}
    groups: dict[str | None, list[Row]] = {None: list(found)}
    for row in found:
        by_group.setdefault(row.pop("group"), []).append(row)
    if asked.by == "week":
        groups |= {asked.week(int(number)): by_group[number] for number in sorted(by_group, key=int)}
    else:
        sizes = {name: sum(row["leads"] for row in mine) for name, mine in by_group.items()}
        groups |= {name: by_group[name] for name in sorted(by_group, key=lambda name: (name == REST, -sizes[name], name))}
    return groups


async def quantiles(connection: AsyncConnection, column: str, asked: Asked, groups: Iterable[str | None]) -> dict[str | None, list[float]]:
    """Median and 90th percentile of a column of journeys, null left out: of all, and of each of these groups but the last sum of others.

    Args:
        connection: to the database.
        column: an expression on `journeys j` in seconds.
        asked: which journeys, divided by what.
        groups: the groups that `cells` found.
    """
    names = [name for name in groups if name is not None]
    listed = [str(asked.number(name)) for name in names] if asked.by == "week" else names
    group = f'CAST({group_of(asked)} AS text) COLLATE "C"'  # sorted by bytes: in the order of a language it takes twice as long
    query = f"""
        SELECT name, percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY value) AS found
        FROM (SELECT CASE WHEN {group} = ANY(:listed) THEN {group} ELSE :rest END AS name, {column} AS value
            FROM journeys j WHERE {COHORT} AND {column} IS NOT NULL) measured
        GROUP BY GROUPING SETS ((name), ())"""  # noqa: S608 - constants of ours
    found = await rows(connection, query, asked, listed=listed, rest=REST, unknown=UNKNOWN, weeks=asked.weeks)
    readable = (lambda name: asked.week(int(name))) if asked.by == "week" else (lambda name: name)
    return {None if row["name"] is None else readable(row["name"]): row["found"] for row in found if row["found"]}


async def spans(connection: AsyncConnection, columns: Mapping[str, str], asked: Asked, where: str, more: Iterable[str] = ()) -> Row:
    """Median and 90th percentile of several columns of the journeys asked for, null left out; None where there is nothing else.

    Args:
        connection: to the database.
        columns: by name an expression on `journeys j` in seconds.
        asked: which journeys.
        where: leaves out journeys that have none of the columns.
        more: further aggregates, each with its name.
    """
    half = "percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP"
    figures = ", ".join((*more, *(f"{half} (ORDER BY {column}) AS {name}" for name, column in columns.items())))
    return (await rows(connection, f"SELECT {figures} FROM journeys j WHERE {COHORT} AND {where}", asked))[0]  # noqa: S608 - constants of ours


def total(mine: Iterable[Row], **where: Any) -> int:
    """How many leads are in these cells, of those whose ways are as given: a value, or a set of them."""
    wanted = [(name, value if isinstance(value, frozenset | set) else {value}) for name, value in where.items()]
    return sum(row["leads"] for row in mine if all(row[name] in values for name, values in wanted))
