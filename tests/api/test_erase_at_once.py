from tests.stack import Person, Stack


async def test_a_lead_can_be_erased_while_it_is_still_being_looked_into(stack: Stack, api: Person) -> None:
    for number in range(6):  # its enrichment comes back while the erasure ends its workflow, which the engine takes back and does again
        lead = (await api.post("/api/leads", json={"email": f"brief{number}@example.com"})).json()["id"]
        erased = await api.delete(f"/api/leads/{lead}")
        assert erased.status_code == 204, erased.text
        assert (await api.get(f"/api/leads/{lead}")).status_code == 404
