"""Letters by Lob's print and mail API."""

import httpx

from activities.providers.common import AwayError, Parcel, RefusedError, post
from models.settings import Settings

_GONE = frozenset({"failed_deliverability_strictness", "address_length_exceeds_limit"})


class Lob:
    """The way out for letters. Lob keeps an `Idempotency-Key` for 24 hours, so within these no letter is printed twice.

    Args:
        settings: the key, the sender's address, and how long one letter may take.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None

    @property
    def configured(self) -> bool:
        """Whether there is a key and a sender."""
        return bool(self._settings.lob_key.get_secret_value() and self._settings.lob_from)

    async def deliver(self, parcel: Parcel) -> str:
        """Hand a letter over.

        Returns:
            Its id.

        Raises:
            RefusedError: `lob_invalid` and the like.
            AwayError: as for every provider.
        """
        to = parcel.address
        if to is None:
            raise RefusedError("no_address")
        form = {
            "to": {
                "name": to.name[:40],
                "address_line1": to.line1,
                "address_line2": to.line2 or None,
                "address_city": to.city,
                "address_state": to.region or None,
                "address_zip": to.postal_code,
                "address_country": to.country,
            },
            "from": self._settings.lob_from,
            "file": parcel.letter.html,
            "color": False,
            "use_type": "marketing",
            "metadata": {"message": str(parcel.message)},
        }
        url = f"{self._settings.lob_url.rstrip('/')}/v1/letters"
        try:
            said = await post(self._connected(), "lob", url, json=form, headers={"Idempotency-Key": parcel.key})
        except RefusedError as err:
            raise RefusedError(err.why, gone=err.why.removeprefix("lob_") in _GONE) from None
        name = said.get("id")
        if not isinstance(name, str) or not name:
            raise AwayError("lob_malformed")
        return name

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            account = httpx.BasicAuth(self._settings.lob_key.get_secret_value(), "")
            self._client = httpx.AsyncClient(auth=account, timeout=self._settings.outreach_timeout)
        return self._client
