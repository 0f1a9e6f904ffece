"""A changed policy file is published at the next start, and leads under way move to it."""

from datetime import UTC, datetime

from activities import policies
from tests.conftest import COMPRESSED
from tests.eventually import eventually
from tests.stack import People, Person, Stack


async def test_running_deadlines_move_and_the_lead_shows_its_new_version(stack: Stack, api: Person, people: People) -> None:
    rep = await people("rep")
    lead = (await api.post("/api/leads", json={"email": "ada@firm.example"})).json()["id"]
    before = (await rep.post(f"/api/leads/{lead}/claim", json={})).json()
    longer = COMPRESSED.read_text("utf-8").replace("contact: 4s", "contact: 3h")
    async with stack.database.connection() as connection:
        policy, new = await policies.publish(connection, longer, today=datetime.now(UTC).date(), author=None)
    assert new

    async def now() -> dict[str, object]:
        found: dict[str, object] = (await api.get(f"/api/leads/{lead}")).json()
        return found

    after = await eventually(now, lambda found: found["policy_version"] == policy.version)
    assert after["stage"] == "claimed"
    assert after["deadline"]["at"] > before["deadline"]["at"]  # type: ignore[index]
    timeline = (await api.get(f"/api/leads/{lead}/timeline", params={"limit": 200})).json()["items"]
    assert [item["kind"] for item in timeline if item["kind"] == "policy_changed"] == ["policy_changed"]
