"""Templates: published, refused, previewed with a real lead, compared."""

from sqlalchemy import text

from models.ids import uuid7
from tests.api.test_frame_errors import problem
from tests.stack import People, Person, Stack


async def test_a_template_is_published_in_versions_and_previewed_with_a_real_lead(stack: Stack, api: Person, people: People) -> None:
    mark = await people("marketer")
    shipped = (await mark.get("/api/templates/welcome")).json()
    assert [(one["language"], one["variant"], one["version"]) for one in shipped["templates"]] == [("en", "a", 0)]
    form = {
        "channel": "email",
        "language": "de",
        "subject": "Danke, {{ first_name }}",
        "body": "Hallo {{ first_name | default('Sie', true) }}",
    }
    for body in (form["body"], form["body"], "Guten Tag {{ first_name }}"):
        answer = await mark.put("/api/templates/welcome", json={**form, "body": body})
        assert answer.status_code == 200, answer.text
    assert [(one["language"], one["version"], one["author"]) for one in answer.json()["templates"]] == [
        ("de", 2, mark.uname),
        ("en", 0, None),
    ]
    lead = (await api.post("/api/leads", json={"email": "eva@firm.example", "first_name": "Eva", "attributes": {"language": "de"}})).json()[
        "id"
    ]
    shown = (await mark.post("/api/templates/welcome/preview", json={"lead_id": lead, "channel": "email"})).json()
    assert (shown["subject"], shown["body"], shown["language"], shown["version"]) == ("Danke, Eva", "Guten Tag Eva", "de", 2)
    assert "<p>Guten Tag Eva</p>" in shown["html"]
    draft = {"lead_id": lead, "channel": "email", "subject": "S", "body": "Entwurf {{ first_name }}"}
    assert (await mark.post("/api/templates/welcome/preview", json=draft)).json()["body"] == "Entwurf Eva"
    assert "welcome" in [item["name"] for item in (await mark.get("/api/templates")).json()["items"]]


async def test_what_could_not_be_sent_is_refused_by_name(stack: Stack, api: Person) -> None:
    form = {"channel": "email", "subject": "Hello", "body": "{{ first_nam }}"}
    refused = await api.put("/api/templates/mine", json=form)
    problem(refused, 422, "invalid")
    assert "first_nam" in refused.text
    problem(await api.get("/api/templates/mine"), 404, "not-found")
    problem(await api.put("/api/templates/mine", json={"channel": "sms", "subject": "Hello", "body": "x"}), 422, "invalid")
    problem(await api.put("/api/templates/No Name", json={"channel": "sms", "body": "x"}), 422, "invalid")
    problem(await api.put("/api/templates/mine", json={"channel": "sms", "body": "x", "language": "german!"}), 422, "invalid")
    problem(await api.post("/api/templates/welcome/preview", json={"lead_id": str(uuid7()), "channel": "email"}), 404, "not-found")


async def test_variants_are_compared_with_honest_intervals(stack: Stack, api: Person) -> None:
    lead = (await api.post("/api/leads", json={"email": "eva@firm.example"})).json()["id"]
    fill = """
        INSERT INTO messages (id, lead_id, key, campaign, step, channel, template, state, variant, decided_at, sent_at, opened_at)
        SELECT gen_random_uuid(), :lead, :variant || n, 'c', 0, 'email', 'welcome', 'sent', :variant, now(), now(),
            CASE WHEN n <= :opened THEN now() END FROM generate_series(1, :sent) n"""
    async with stack.database.connection() as connection:
        for variant, sent, opened in (("a", 10, 5), ("b", 10, 0)):
            await connection.execute(text(fill), {"lead": lead, "variant": variant, "sent": sent, "opened": opened})
    results = (await api.get("/api/templates/welcome")).json()["results"]["email"]
    shares = {one["variant"]: [round(one["opened"][name], 3) for name in ("share", "low", "high")] for one in results}
    assert shares == {"a": [0.5, 0.237, 0.763], "b": [0.0, 0.0, 0.278]}
