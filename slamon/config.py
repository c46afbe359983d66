"""Settings, read from the environment (`SLAMON_...`) or a `.env` file. Nothing else reads the environment."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from holidays import list_supported_countries
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from slamon.domain.zones import is_zone
from slamon.errors import Invalid
from slamon.names import refuse_no_name
from slamon.public_holidays import refuse_unnamed_region


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SLAMON_", env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: str = Field(
        "sqlite:///var/slamon.db", description="SQLite file or PostgreSQL, as SQLAlchemy writes it"
    )
    database_password: SecretStr | None = Field(
        None, description="Of the user in database_url, where that holds none; here no character needs escaping"
    )
    database_owner_url: str | None = Field(
        None,
        description="Who owns the schema: 'slamon migrate' then gives the user of database_url what it needs, no more",
    )
    database_owner_password: SecretStr | None = Field(None, description="Of the user in database_owner_url")
    redis_url: str | None = Field(None, description="Redis or Valkey; unset means one process does everything")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs form tokens; at least 32 characters. To change it: 'new,old', then 'new'"
    )
    base_url: str = Field("http://127.0.0.1:8000", description="Where people reach the pages; links in mails begin so")
    sponsor_name: str | None = Field(
        None, description="As the CMO's contacts know you; unset, as it was told to 'slamon setup'"
    )
    sponsor_time_zone: str = "UTC"
    sponsor_country: str | None = Field(
        None, description="ISO 3166 code; its public holidays are no working days. Unset: Monday to Friday are"
    )
    sponsor_subdivision: str | None = Field(
        None,
        validate_default=True,
        description="The region of that country, where regions keep holidays of their own; or 'nationwide'",
    )
    auto_close_working_days: int = Field(
        5, ge=0, le=60, description="An answered inquiry or data request nobody objects to closes after these; 0: never"
    )
    auto_close_notice_days: int = Field(
        2, ge=0, le=60, description="Working days before closing at which the project manager is told"
    )
    smtp_url: SecretStr | None = Field(
        None, description="smtp://user:password@host:587; unset shows mails on the console"
    )
    internal_mail_domains: str = Field(
        "", description="Domains only your own mail server knows, separated by commas, such as corp.local"
    )
    mail_subjects: bool = Field(
        False, description="Mails name a request's subject, except in blinded projects; Slack never does"
    )
    mail_from: str = "slamon <slamon@localhost>"
    slack_token: SecretStr | None = Field(None, description="Bot token; unset shows Slack messages on the console")
    slack_base_url: str = "https://slack.com/api/"
    slack_timeout_seconds: float = 10
    smtp_timeout_seconds: float = 60
    redirect_all_to: str | None = Field(None, description="Staging: every message goes to this one address")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    trusted_proxies: str = Field("127.0.0.1", description="Proxies whose X-Forwarded-For is believed")
    link_days: int = Field(14, ge=1, le=90)
    session_idle_minutes: int = Field(15, ge=1, le=480, description="A sign-in nobody uses for so long ends")
    request_limit_bytes: int = Field(1_000_000, ge=10_000)
    attachment_max_megabytes: int = Field(
        25, ge=1, le=1000, description="The largest file, in units of 1,000,000 bytes"
    )
    files_directory: Path | None = Field(
        None, description="Where attachments are kept; unset, in files/ beside the SQLite file, else in var/files"
    )
    s3_bucket: str | None = Field(None, description="Keep attachments in this bucket instead; needs the extra s3")
    s3_prefix: str = Field("", description="What keys in the bucket begin with, such as slamon/")
    s3_endpoint_url: str | None = Field(None, description="Of a store other than Amazon's")
    s3_region: str | None = None
    s3_access_key: str | None = Field(None, description="Unset: botocore's usual places, such as the host's role")
    s3_secret_key: SecretStr | None = None
    api_calls_per_minute: int = Field(600, ge=1, description="For each caller of the API; reads and writes each")
    worker_threads: int = Field(8, ge=1, le=64)
    database_connections: int = Field(20, ge=2, le=200)
    tick_seconds: float = Field(0.25, gt=0, le=5)
    heartbeat_seconds: float = Field(2, gt=0)
    standstill_seconds: float = Field(60, gt=0, description="Due work not done for this long is a standstill")
    heartbeat_url: SecretStr | None = Field(None, description="A dead-man's switch, called while all is well")
    dead_after_beats: int = Field(4, ge=2)
    hand_over_seconds: float = Field(8, gt=0, description="Work leased and not done after this is leased again")
    retry_base_seconds: float = Field(5, gt=0)
    retry_max_seconds: float = Field(600, gt=0)
    give_up_after_hours: float = Field(24, gt=0)
    digest_above: int = Field(5, ge=1, description="Steps of one CMO in 15 minutes above which a reader gets digests")
    crash_at: str | None = Field(None, description="For tests: where to die, as 'point' or 'point:key'")

    @field_validator("base_url")
    @classmethod
    def _without_trailing_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url.rstrip("/")

    @field_validator("sponsor_name")
    @classmethod
    def _a_name(cls, name: str | None) -> str | None:
        try:
            refuse_no_name("sponsor_name", name or "")
        except Invalid as error:
            raise ValueError(error.message) from error
        return name

    @field_validator("sponsor_country")
    @classmethod
    def _with_known_holidays(cls, country: str | None) -> str | None:
        if country is not None and country not in list_supported_countries():
            raise ValueError(f"no public holidays are known for {country!r}; give an ISO 3166 code such as CH, or none")
        return country

    @field_validator("sponsor_subdivision")
    @classmethod
    def _with_its_country(cls, subdivision: str | None, known: ValidationInfo) -> str | None:
        country = known.data.get("sponsor_country")
        if country is None and subdivision is not None:
            raise ValueError("needs SLAMON_SPONSOR_COUNTRY, the country it is a part of")
        if country is not None:
            try:
                refuse_unnamed_region(country, subdivision)
            except Invalid as error:
                raise ValueError(error.message) from error
        return subdivision

    @field_validator("sponsor_time_zone")
    @classmethod
    def _a_known_zone(cls, zone: str) -> str:
        if not is_zone(zone):
            raise ValueError(f"{zone!r} is not an IANA time zone such as Europe/Zurich")
        return zone

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value() and min(map(len, key.get_secret_value().split(","))) < 32:
            raise ValueError("must have at least 32 characters; 'slamon setup' makes one")
        return key

    @property
    def database(self) -> URL:
        """The database as the application reaches it."""
        return _with_password(self.database_url, self.database_password)

    @property
    def owned_database(self) -> URL:
        """The database as the owner of the schema reaches it: the application itself unless another is named."""
        if self.database_owner_url is None:
            return self.database
        return _with_password(self.database_owner_url, self.database_owner_password)

    @property
    def secret_keys(self) -> list[str]:
        """The keys that are taken, oldest first; the last one signs. Empty where none is set."""
        return [key for key in reversed(self.secret_key.get_secret_value().split(",")) if key]

    @property
    def session_idle(self) -> timedelta:
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def attachment_max_bytes(self) -> int:
        return self.attachment_max_megabytes * 1_000_000

    @property
    def files_folder(self) -> Path:
        """Where attachments are kept on disk."""
        if self.files_directory is not None:
            return self.files_directory
        url = make_url(self.database_url)
        is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        return (Path(str(url.database)).parent if is_file else Path("var")) / "files"

    @property
    def is_embedded(self) -> bool:
        """One process with an in-memory broker, because no Redis is named."""
        return self.redis_url is None


def _with_password(url: str, password: SecretStr | None) -> URL:
    read = make_url(url)
    if password is None or read.username is None or read.password is not None:
        return read
    return read.set(password=password.get_secret_value())
