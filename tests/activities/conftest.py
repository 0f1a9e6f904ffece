from collections.abc import AsyncIterator

import pytest

from models.settings import Settings
from tests.activities.post_office import PostOffice, post_office


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """An SMTP server."""
    async with post_office() as found:
        yield found


@pytest.fixture
def mailing(office: PostOffice) -> Settings:
    """Settings with which mails go to that server."""
    return Settings(
        public_url="https://leads.example/",
        secret_key="a secret of thirty-two characters",
        mail_from="Grace at Ours <grace@ours.example>",
        smtp_host="127.0.0.1",
        smtp_port=office.port,
        smtp_tls="none",
    )


@pytest.fixture
def keeping() -> Settings:
    """Settings without an SMTP server."""
    return Settings(public_url="https://leads.example", secret_key="a secret of thirty-two characters")
