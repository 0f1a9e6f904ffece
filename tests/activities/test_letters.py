from uuid import UUID

import pytest

from activities.letters import Letter, Letters
from activities.links import Link, Links
from activities.wording import Template
from models.lifecycle import Channel
from models.policy import NurturePlan
from models.schemas.templates import TemplateForm
from models.settings import Settings

LINK_OF = {channel: Link(UUID(int=1), channel, UUID(int=2)) for channel in Channel}
LINK = Link(UUID(int=1), Channel.EMAIL, UUID(int=2))
STEPS = sorted({(step.channel, step.template) for campaign in NurturePlan().campaigns.values() for step in campaign.steps})


@pytest.mark.parametrize(("channel", "name"), STEPS)
@pytest.mark.parametrize("person", [{"first_name": "Ada", "company": "Acme"}, {"first_name": None, "company": None}, {}])
def test_every_template_of_the_default_policy_can_be_filled_in(
    channel: Channel, name: str, person: dict[str, str | None], keeping: Settings
) -> None:
    letter = Letters(keeping).write(name, person, Link(LINK.lead, channel, LINK.message))
    assert letter is not None
    assert (bool(letter.subject), bool(letter.html)) == (channel is Channel.EMAIL, channel is not Channel.SMS)
    assert ("Ada" in letter.body, "None" in letter.body) == (person.get("first_name") == "Ada", False)


@pytest.mark.parametrize("name", ["no-such", "../letter", "../../letter", "check-in", "welcome.txt"])
def test_a_template_that_channel_does_not_have_is_none(name: str, keeping: Settings) -> None:
    assert Letters(keeping).write(name, {}, LINK) is None


def test_what_a_person_wrote_into_the_form_cannot_change_the_letter(keeping: Settings) -> None:
    letter = Letters(keeping).write("welcome", {"first_name": "<b>Ada</b>\r\nBcc: all@example.com {{ sender }}"}, LINK)
    assert letter is not None
    assert letter.body.splitlines()[0] == "Hello <b>Ada</b> Bcc: all@example.com {{ sender }},"
    assert "Hello &lt;b&gt;Ada&lt;/b&gt; Bcc" in letter.html


@pytest.mark.parametrize(
    ("language", "why", "stop"),
    [
        ("en", "because you asked to hear from us", "No more of these"),
        ("de-AT", "weil Sie von uns hören wollten", "Keine weiteren E-Mails"),
        ("fr", "parce que vous avez souhaité", "Ne plus recevoir ces e-mails"),
        ("es", "porque pidió tener noticias", "No recibir más correos"),
        ("fi", "because you asked to hear from us", "No more of these"),
        ("", "because you asked to hear from us", "No more of these"),
    ],
)
def test_the_words_under_a_mail_are_in_its_language(language: str, why: str, stop: str, keeping: Settings) -> None:
    letter = Letters(keeping).fill(Template("welcome", Channel.EMAIL, language, "a", 1, "s", "b"), {}, LINK)
    for part in (letter.plain, letter.html):
        assert (why in part, stop in part, letter.unsubscribe in part) == (True, True, True)


def test_a_line_of_dashes_makes_a_postcard_of_post_and_of_nothing_else(keeping: Settings) -> None:
    def said(channel: Channel, body: str) -> Letter:
        return Letters(keeping).fill(Template("x", channel, "en", "a", 1, "s", body), {"first_name": "Ada\n---\nEve"}, LINK_OF[channel])

    card = said(Channel.POST, "Coffee?\n---\nDear {{ first_name }}")
    assert ("Coffee?" in card.html, "Dear Ada --- Eve" in card.back, "Coffee?" in card.back) == (True, True, False)
    assert said(Channel.POST, "Dear {{ first_name }},\nyes - no").back == ""
    assert said(Channel.EMAIL, "One\n---\ntwo").back == ""


@pytest.mark.parametrize("body", ["a\n---\nb\n---\nc", "a\n---", "---\nb"])
def test_a_postcard_has_two_sides_with_something_on_each(body: str) -> None:
    with pytest.raises(ValueError, match="a front and a back"):
        TemplateForm(channel=Channel.POST, body=body)
    assert TemplateForm(channel=Channel.SMS, body=body).body


def test_addresses_in_a_text_become_links_that_tell_they_were_clicked(keeping: Settings) -> None:
    letters, links = Letters(keeping), Links(keeping)
    pieces = letters._pieces("See https://ours.example/a?b=1. Or not", LINK)
    target = Link(LINK.lead, LINK.channel, LINK.message, "https://ours.example/a?b=1")
    assert pieces == [("See ", None), ("https://ours.example/a?b=1", links.clicked(target)), (". Or not", None)]


def test_a_token_says_what_it_was_made_of_and_is_good_for_one_purpose(keeping: Settings) -> None:
    links = Links(keeping)
    link = Link(LINK.lead, Channel.SMS, LINK.message, "https://ours.example")
    token = links.token("c", link)
    assert [links.read("c", token), links.read("u", token), links.read("o", token)] == [link, None, None]


def test_a_token_that_was_tampered_with_or_signed_by_others_says_nothing(keeping: Settings) -> None:
    token = Links(keeping).token("u", LINK)
    others = Links(keeping.model_copy(update={"secret_key": Settings(secret_key="another secret").secret_key}))
    assert [Links(keeping).read("u", token[:-2]), Links(keeping).read("u", ""), others.read("u", token)] == [None, None, None]


def test_without_a_secret_key_nothing_is_signed() -> None:
    with pytest.raises(ValueError, match="TWOWAY_SECRET_KEY is not set"):
        Links(Settings(secret_key="")).token("u", LINK)
