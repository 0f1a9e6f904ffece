"""Every setting of the program, in one place. Each is read from the environment as `TWOWAY_<NAME>`.

Temporal's own connection settings (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, TLS) come from its
SDK's environment configuration, so they are not repeated here.
"""

from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What can be set from outside."""

    model_config = SettingsConfigDict(env_prefix="TWOWAY_", env_file=None, extra="ignore")

    database_url: str = Field("", description="PostgreSQL 15 or newer, as postgresql://user:password@host:port/name.")
    public_url: str = Field("http://localhost:8000", description="Where people reach the board; links in mails and in Temporal use it.")
    secret_key: SecretStr = Field(SecretStr(""), description="Signs links and sessions; at least 32 characters, the same on every process.")
    admin_token: SecretStr = Field(SecretStr(""), description="Creates the first admin, with this token, on an empty database.")
    policy_file: Path | None = Field(None, description="Published when the process starts, if it says something new.")
    task_queue: str = Field("twoway", description="Temporal task queue of the leads' workflows.")
    database_pool: int = Field(16, ge=4, le=200, description="Most database connections one process keeps.")
    temporal_ui_url: str = Field("http://localhost:8233", description="Where the Temporal UI is, for links from the board.")
    engine_timeout: float = Field(10.0, gt=0, description="Seconds the API waits for a lead's workflow to answer.")
    start_timeout: float = Field(
        2.0, gt=0, description="Seconds an arrival waits for its workflow to be started before the sweep takes over."
    )
    sweep_every: float = Field(2.0, gt=0, description="Seconds between two sweeps for what Temporal missed.")
    import_at_once: int = Field(
        16, ge=1, description="Imported leads whose first steps are under way at once; others wait for these at most."
    )
    max_cached_workflows: int = Field(1000, ge=0, description="Lead workflows one worker keeps in memory.")
    smtp_host: str = Field("", description="SMTP server for nurture mails; without one they are kept and shown, not sent.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_user: str = Field("", description="User name, where it wants one.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password, where it wants one.")
    smtp_tls: str = Field("starttls", pattern="^(starttls|tls|none)$", description="starttls, tls or none.")
    smtp_timeout: float = Field(5.0, gt=0, description="Seconds the SMTP server may take for one mail.")
    smtp_connections: int = Field(4, ge=1, le=50, description="Connections to the SMTP server that one worker keeps.")
    mail_from: str = Field("Twoway <noreply@localhost>", description="Sender of nurture mails.")
    digest_cron: str = Field("0 7 * * MON", description="When the weekly digest leaves, as a cron expression; empty for never.")
    mail_reply_to: str = Field("", description="Where answers to nurture mails go, if not to their sender.")
    mail_bounces: str = Field(
        "", description="Mailbox that bounces come to, as bounces@example.com; each mail gets an address of its own in it (bounces+…)."
    )
    mail_webhook_key: SecretStr = Field(
        SecretStr(""), description="With it bounces and complaints are told to us: POST /integrations/mail/KEY. At least 16 characters."
    )
    twilio_account_sid: str = Field("", description="Account at Twilio; without it text messages are kept and shown, not sent.")
    twilio_auth_token: SecretStr = Field(SecretStr(""), description="Its token; Twilio's own requests to us are signed with it, too.")
    twilio_from: str = Field("", description="Number that text messages come from (+15005550006), or a messaging service (MG…).")
    twilio_url: str = Field("https://api.twilio.com", description="Where Twilio's API is.")
    lob_key: SecretStr = Field(SecretStr(""), description="API key at Lob; without it letters are kept and shown, not sent.")
    lob_from: str = Field("", description="Id of the sender's address at Lob (adr_…).")
    lob_webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret of the webhook at Lob that tells us what was delivered and what came back."
    )
    lob_url: str = Field("https://api.lob.com", description="Where Lob's API is.")
    outreach_timeout: float = Field(5.0, gt=0, description="Seconds Twilio or Lob may take for one message.")
    oidc_issuer: str = Field("", description="The company's sign-in provider (OpenID Connect), as https://login.example.com.")
    oidc_client_id: str = Field("", description="What we are called there; it sends people back to <public URL>/login/provider/back.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Our secret there.")
    oidc_name: str = Field("your company account", description="What people call it: `Sign in with …`.")
    tracking_per_visitor: int = Field(120, ge=1, description="Events that one visitor of a website may send in a minute.")
    tracking_per_address: int = Field(3000, ge=1, description="Events that may come from one address in a minute; an office shares one.")
    tracking_keep_days: int = Field(395, ge=1, description="Days for which events of visitors are kept who never say who they are.")
    enrichment: bool = Field(True, description="Ask sources outside what is known about a lead and its company.")
    enrichment_refresh: float = Field(
        900, ge=1, description="Seconds between two looks for what is out of date about the companies of open leads."
    )
    outward_agent: str = Field(
        "",
        pattern="^[ -~]*$",
        description="How we introduce ourselves to web sites and public sources, with a way to reach you; the public URL when empty.",
    )
    webhook_days: float = Field(
        5, gt=0, le=30, description="Days a webhook is offered an event; it is switched off when it fails that long."
    )
    webhook_timeout: float = Field(15, gt=0, le=60, description="Seconds a webhook may take to answer.")
    slack_webhook_url: str = Field("", description="Slack's incoming webhook: notices are posted to its channel.")
    slack_bot_token: SecretStr = Field(SecretStr(""), description="Slack bot's token (xoxb-…): notices go to people directly.")
    slack_channel: str = Field("", description="The bot's channel for what concerns a whole role, and for leads up for grabs.")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Slack app's signing secret: the claim button works with it.")
    slack_api_url: str = Field("https://slack.com/api", description="Where Slack's API is.")
    teams_webhook_url: str = Field("", description="The address of a workflow in Microsoft Teams that posts what it is sent.")
    outward_loopback: bool = Field(
        False, description="Let calls to strangers' addresses reach this machine: for tests and development only."
    )
    hubspot_token: SecretStr = Field(SecretStr(""), description="Token of a HubSpot private app; with one, leads are synced with HubSpot.")
    hubspot_url: str = Field("https://api.hubapi.com", pattern="^https?://", description="HubSpot's API.")
    hubspot_client_secret: SecretStr = Field(SecretStr(""), description="Secret of the HubSpot app whose webhooks trigger an early sync.")
    hubspot_properties: dict[str, str] = Field({}, description='Contact properties not called twoway_<field>, as {"stage": "our_stage"}.')
    salesforce_url: str = Field(
        "", pattern="^(https?://.+)?$", description="Salesforce, as https://ours.my.salesforce.com; leads are synced."
    )
    salesforce_client_id: str = Field("", description="Our connected app's consumer key there.")
    salesforce_client_secret: SecretStr = Field(SecretStr(""), description="Its secret.")
    salesforce_refresh_token: SecretStr = Field(SecretStr(""), description="With one, it is used in the place of client credentials.")
    salesforce_private_key: SecretStr = Field(
        SecretStr(""), description="Private RSA key (PEM) of the certificate our app has there: with one, we sign in by a signed JWT."
    )
    salesforce_user: str = Field("", description="With a private key: the name of the user to sign in as.")
    salesforce_audience: str = Field(
        "https://login.salesforce.com", description="With a private key: whom it is for; https://test.salesforce.com for a sandbox."
    )
    salesforce_object: str = Field("Lead", pattern="^(Lead|Contact)$", description="What a lead is there: Lead or Contact.")
    salesforce_fields: dict[str, str] = Field({}, description='Fields not called Twoway_<Field>__c, as {"stage": "Our_Stage__c"}.')
    salesforce_nobody: str = Field(
        "", description="Id of the Salesforce queue or user that has what no rep has; without it the owner stays."
    )
    crm_every: float = Field(120, ge=30, le=86_400, description="Seconds between two syncs with a CRM.")
    crm_timeout: float = Field(20, gt=0, le=50, description="Seconds a CRM may take for one answer.")
    crm_since: AwareDatetime | None = Field(
        None, description="Contacts made in a CRM from then on become leads; from the first sync on when left out."
    )
    crm_erase: str = Field("leave", pattern="^(leave|delete)$", description="What becomes of an erased person's record in a CRM.")
    demo_hour: float = Field(0, ge=0, description="Seconds an hour takes in a demo, which `twoway up --demo` sets; 0 is no demo.")
    log_format: str = Field("console", pattern="^(console|json)$", description="console for people, json for collectors.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe level that is logged.")

    @property
    def agent(self) -> str:
        """How we introduce ourselves, for the User-Agent of what we call."""
        return self.outward_agent or f"Twoway (+{self.public_url.encode('ascii', 'replace').decode()})"

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address in the form SQLAlchemy wants.

        Raises:
            ValueError: when none is set or it is no PostgreSQL address.
        """
        if not self.database_url:
            raise ValueError("TWOWAY_DATABASE_URL is not set: name a PostgreSQL database, or run `twoway up`, which brings its own")
        scheme, separator, rest = self.database_url.partition("://")
        if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
            raise ValueError("TWOWAY_DATABASE_URL must begin with postgresql://")
        return f"postgresql+psycopg://{rest}"


class SourceSettings(BaseSettings):
    """What can be set of one source of enrichment, as `TWOWAY_<SOURCE>_<NAME>`; what is left out is as the source says itself."""

    model_config = SettingsConfigDict(env_prefix="TWOWAY_SOURCE_", env_file=None, extra="ignore")

    enabled: bool = Field(True, description="Whether it is asked at all.")
    url: str = Field("", pattern="^(https?://.*)?$", description="Where it is, for a proxy or a stand-in.")
    key: SecretStr = Field(SecretStr(""), description="Your key there; a source that wants one is not asked without.")
    seconds: float | None = Field(None, gt=0, le=20, description="How long it may take for one answer.")
    per_minute: float | None = Field(None, gt=0, description="Most questions a minute, over all workers.")
    cents: float | None = Field(None, ge=0, description="What a question costs.")
    cents_a_day: float | None = Field(None, ge=0, description="Most that is spent a day (UTC), over all workers.")

    @classmethod
    def of(cls, source: str) -> Self:
        """A source's settings.

        Args:
            source: its name, as `people_data_labs`.

        Raises:
            ValueError: when the environment holds an impossible value; it names the setting, and not the value, which may be a key.
        """
        prefix = f"TWOWAY_{source.upper()}_"
        try:
            return cls(_env_prefix=prefix)
        except ValidationError as err:
            wrong = (f"{prefix}{str(problem['loc'][0]).upper()}: {problem['msg']}" for problem in err.errors(include_input=False))
            raise ValueError("; ".join(wrong)) from None


@lru_cache
def settings() -> Settings:
    """The process's settings, read once.

    Raises:
        pydantic.ValidationError: when the environment holds an impossible value; it names the setting.
    """
    return Settings()
