"""How long a lead's history in Temporal grows from its arrival to the deal."""

from bench.measure import Result
from bench.stack import stack


async def run(*, quick: bool) -> list[Result]:
    """Events of a lead that arrives, is scored, claimed, contacted, qualified and won, all through the API on the real server."""
    async with stack() as running:
        (rep,) = await running.reps(1)
        lead = await running.submit()
        await running.settle()
        await running.post(f"/api/leads/{lead}/claim", {}, rep)
        await running.post(f"/api/leads/{lead}/contact", {"channel": "call", "outcome": "reached", "note": "Wants an offer."}, rep)
        criteria = {"budget_usd": 20_000, "authority": True, "need": True}
        await running.post(f"/api/leads/{lead}/disposition", {"outcome": "qualified", "criteria": criteria}, rep)
        await running.post(f"/api/leads/{lead}/disposition", {"outcome": "won", "amount_usd": 20_000}, rep)
        handle = running.temporal.get_workflow_handle(f"lead-{lead}")
        await handle.result()
        history = await handle.fetch_history()
    return [Result("history_events", len(history.events), "events", bar=70)]
