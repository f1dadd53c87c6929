"""Settings: one TOML file to one frozen object; whatever is unknown or wrong stops the start."""

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from doorward.ids import SiteId, parse_site_id
from doorward_controller.errors import ConfigError

DEFAULT_SECRETS = frozenset(
    {
        "admin",
        "changeme",
        "changethis",
        "default",
        "doorward",
        "password",
        "postgres",
        "secret",
        "test",
    }
)
"""Passwords that stand in examples; a database guarded by one is refused."""

RoleName = Literal[
    "admin", "security", "facility", "issuer", "reviewer", "auditor", "host", "guard"
]
"""The roles of `domain.permissions`, which stands above the settings; a test compares both."""

Port = Annotated[int, Field(ge=1, le=65535)]


def _absolute(path: Path, info: ValidationInfo) -> Path:
    """Relative paths are meant relative to the configuration file."""
    folder: Path = (info.context or {}).get("folder", Path.cwd())
    return path if path.is_absolute() else (folder / path).resolve()


ConfigPath = Annotated[Path, AfterValidator(_absolute)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(_Section):
    """Where the store lives. An empty url means SQLite in the data directory."""

    url: str = ""
    disk: ConfigPath | None = None
    """A folder on the disk of a PostgreSQL that runs on this machine elsewhere than Debian's does:
    its room is watched."""

    @field_validator("url")
    @classmethod
    def _is_supported(cls, text: str) -> str:
        if not text:
            return text
        try:
            url = make_url(text)
        except ArgumentError as err:
            raise ValueError(
                "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
            ) from err
        if url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise ValueError(f"is for {url.get_backend_name()}, must be sqlite or postgresql")
        if url.password is not None and str(url.password).lower() in DEFAULT_SECRETS:
            raise ValueError("has a password that stands in examples; choose another")
        if url.get_backend_name() == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)


class Mqtt(_Section):
    """The broker, reached by mutual TLS only."""

    host: str = "127.0.0.1"
    port: Port = 8883
    ca_file: ConfigPath
    cert_file: ConfigPath
    key_file: ConfigPath
    client_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] = "controller"


class Broker(_Section):
    """The broker's own files, as far as this controller keeps them: to shut a gateway out."""

    access_file: ConfigPath | None = None
    """The rules (`acl_file`), written whole by the controller."""
    authority_dir: ConfigPath | None = None
    """The folder of the authority with its key: revoked gateways go onto the `crl.pem` there."""
    pid_file: ConfigPath | None = None
    """Names the broker's process, which is told to read both anew. Without it, something that
    watches the files tells the broker."""
    more_controllers: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")], ...] = ()
    """Names of further certificates, beside `mqtt.client_id`, that may say and hear everything. Who
    begins with `controller` and stands in the rules already stays in them."""


class Enrolment(_Section):
    """Where gateways ask for their certificates: a door of its own, by TLS of our authority."""

    url: Annotated[
        str, Field(pattern=r"^(https://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?)?$", max_length=120)
    ] = ""
    """As gateways reach it, as in `https://doorward.example.org:8843`; it stands in the claim.
    Empty: no door, and gateways get their files by other ways."""
    host: str = "0.0.0.0"  # noqa: S104  # gateways come from other machines
    port: Port = 8843
    claim_minutes: Annotated[int, Field(ge=1, le=15)] = 15
    """How long a gateway may ask by a claim."""
    certificate_days: Annotated[int, Field(ge=2, le=825)] = 90
    """At two thirds of it the gateway asks for the next one."""
    overlap_hours: Annotated[int, Field(ge=0, le=24 * 30)] = 24
    """How long the one before is still taken once the next is in use."""
    broker_host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{0,253}$")] = ""
    """Under which gateways reach the broker; its certificate must name it. Empty: `mqtt.host`, or
    the host of `url` where that is this machine's own address."""
    broker_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """0: `mqtt.port`."""


class Http(_Section):
    """Where the API and the console listen."""

    host: str = "127.0.0.1"
    port: Port = 8080
    secure_cookies: bool = True
    """Off only where the console is reached by plain HTTP on the same machine."""
    origin: Annotated[str, Field(pattern=r"^(https?://[a-z0-9.-]+(:\d+)?)?$")] = ""
    """Where browsers find the console, as in `https://doorward.example.org`; passkeys are tied to
    it. Empty: what the browser's request says."""


class Accounts(_Section):
    """What is asked of the people who sign in."""

    second_factor_roles: tuple[RoleName, ...] = ("admin", "security")
    """Whoever has such a role sets up a second factor before anything else."""
    min_password_characters: Annotated[int, Field(ge=8, le=64)] = 12
    password_days: Annotated[int, Field(ge=0, le=3650)] = 0
    """After so many days a new password is asked for; 0 for never."""
    idle_minutes: Annotated[int, Field(ge=5, le=1440)] = 120
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    """A working day; nobody stays signed in overnight."""
    fresh_minutes: Annotated[int, Field(ge=1, le=120)] = 10
    """How long after proving who somebody is the sensitive pages stay open."""


Signature = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Kinds of which the provider alone has the key; a shared secret or none at all proves nothing."""


class Oidc(_Section):
    """Signing in by an account of the organisation (OpenID Connect). Without an issuer: off."""

    issuer: str = ""
    """The provider's address, letter by letter as it calls itself, as `https://login.example.org`.
    """
    client_id: Annotated[str, Field(max_length=255)] = ""
    """What the provider calls this controller."""
    client_secret_file: ConfigPath | None = None
    """Holds the secret that the provider gave; without it this is a public client, with PKCE."""
    label: Annotated[str, Field(min_length=1, max_length=40)] = "OpenID"
    """What people call that account; it stands on the button."""
    scopes: tuple[Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,60}$")], ...] = ()
    """Asked for beside `openid`. Nothing but the account's number there is used."""
    algorithms: Annotated[tuple[Signature, ...], Field(min_length=1)] = ("RS256", "PS256", "ES256")
    """Signatures that are believed."""
    clock_skew_s: Annotated[int, Field(ge=0, le=300)] = 60
    """So far may the provider's clock be from ours."""
    trust_second_factor: bool = False
    """Takes the provider's word that there was a second factor; else it is asked for here."""
    amr_values: tuple[str, ...] = ("mfa",)
    """What the provider says (amr) where there was one."""
    acr_values: tuple[str, ...] = ()
    """What is asked of the provider, and counts as a second factor where it says so (acr)."""
    ca_file: ConfigPath | None = None
    """The authority of the provider's certificate, where it is the organisation's own."""

    @field_validator("issuer")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        is_here = re.match(r"http://(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?(/|$)", text)
        if text and not (text.startswith("https://") or is_here):
            raise ValueError("must begin with https://")
        if "?" in text or "#" in text or not text.isascii() or not text.isprintable():
            raise ValueError("must be an address without ? and #")
        return text

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("an issuer needs client_id, what the provider calls this controller")
        if self.client_id and not self.issuer:
            raise ValueError("client_id needs issuer, the provider's address")
        return self

    @property
    def is_on(self) -> bool:
        """Whether people can sign in by it."""
        return bool(self.issuer)

    def client_secret(self) -> str:
        """Returns the secret, empty for a public client. Raises ConfigError."""
        if self.client_secret_file is None:
            return ""
        try:
            secret = self.client_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as err:
            raise ConfigError(
                f"oidc.client_secret_file: {self.client_secret_file} cannot be read"
            ) from err
        if not secret:
            raise ConfigError(f"oidc.client_secret_file: {self.client_secret_file} is empty")
        return secret


class Alerts(_Section):
    """How alerts reach people."""

    allow_insecure_receivers: bool = False
    """Lets webhooks go by plain HTTP and to this machine itself. Whoever sets receivers could then
    reach what listens here alone."""


class Limits(_Section):
    """How often one may call the interface; on PostgreSQL all web processes count together."""

    enabled: bool = True
    requests_per_s: Annotated[float, Field(gt=0, le=10_000)] = 50
    """Of one token or session, on and on."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    """Of one token or session, at once."""
    address_requests_per_s: Annotated[float, Field(gt=0, le=100_000)] = 200
    """Of one address, whatever it is signed with; behind a proxy all have the proxy's, unless it
    stands on the same machine and says whose the request is (X-Forwarded-For)."""
    address_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 4_000


class Webhooks(_Section):
    """How other systems are told of events."""

    allow_private_addresses: bool = False
    """Lets webhooks go to addresses of private networks. Whoever sets webhooks could then reach
    what listens in the building's own network."""
    allow_insecure: bool = False
    """Lets webhooks go by plain HTTP, and with the setting above to this machine itself."""


class HomeAssistant(_Section):
    """Gateways as devices in Home Assistant. Nothing can be opened by it."""

    is_on: bool = False
    discovery_prefix: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")] = "homeassistant"
    """Where Home Assistant looks for devices."""
    user: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")] = "home-assistant"
    """The name in its certificate; no gateway may have it."""
    language: Literal["en", "zh-Hans"] = "en"


class Logging(_Section):
    """What is written to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "text"] = "json"


class Maintenance(_Section):
    """What work on devices costs."""

    labour_per_hour_minor: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    """In the currency's smallest unit: 12000 is 120.00 CNY. 0: labour is shown in hours alone.
    Orders of the past are shown at the rate of now."""
    labour_currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    """Three letters, as CNY or EUR; needed with a rate."""

    @model_validator(mode="after")
    def _has_its_currency(self) -> Self:
        if self.labour_per_hour_minor and not self.labour_currency:
            raise ValueError("a rate of labour needs labour_currency, as CNY or EUR")
        return self


class BackupTarget(_Section):
    """A place that backups go to: a restic repository."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    repository: Annotated[str, Field(min_length=1, max_length=500)]
    """As restic writes it: a folder, `sftp:USER@HOST:/FOLDER`, `rest:https://…`, `s3:…`."""
    is_elsewhere: bool = False
    """Whether it stands in another building: of two copies one must."""
    environment_file: ConfigPath | None = None
    """Lines of NAME=VALUE for restic, as the keys of an S3 store. Only its owner may read it."""

    @field_validator("repository")
    @classmethod
    def _holds_no_password(cls, text: str) -> str:
        if re.search(r"://[^/@]*:[^/@]*@", text):
            raise ValueError("has a password in it; put that into environment_file")
        return text


class WriteAheadLog(_Section):
    """PostgreSQL's write-ahead log, gathered all the time: a restore to a moment between copies."""

    is_on: bool = False
    """Whether `doorward-controller backup log` is to run; its role needs REPLICATION."""
    slot: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")] = "doorward"
    every_s: Annotated[int, Field(ge=10, le=3600)] = 300
    """So much may be lost with the machine: how often what has come goes to the places."""
    late_after_s: Annotated[int, Field(ge=60, le=24 * 3600)] = 1800
    """An alert tells of a place that is behind by more."""
    base_every_h: Annotated[int, Field(ge=1, le=7 * 24)] = 24
    """How often the whole cluster is copied anew: what a restore begins with."""
    keep_days: Annotated[int, Field(ge=1, le=366)] = 7
    most_mb: Annotated[int, Field(ge=64, le=1_000_000)] = 4096
    """So much may wait here while no place takes it, and then as much at the server. Beyond, the
    server keeps it no longer: it must go on writing."""


class Backup(_Section):
    """Where copies of everything go, and how long they are kept."""

    target: tuple[BackupTarget, ...] = ()
    late_after_h: Annotated[int, Field(ge=1, le=31 * 24)] = 26
    """An alert tells of a place whose last good backup is older."""
    keep_days: Annotated[int, Field(ge=60, le=3650)] = 180
    """Copies are kept at least so long; never less than 60 days."""
    rehearse_every_days: Annotated[int, Field(ge=1, le=366)] = 31
    rehearse_share: Annotated[float, Field(ge=0.1, le=1.0)] = 0.1
    """Of the records, and of the stored data, so much is read and compared at a rehearsal."""
    rehearse_url: str = ""
    """An empty PostgreSQL database to rehearse in; without it, one is made and dropped again, for
    which the controller's role needs CREATEDB."""
    also: tuple[ConfigPath, ...] = ()
    """Further files and folders that belong to the site, as the broker's settings."""
    log: WriteAheadLog = WriteAheadLog()

    @field_validator("target")
    @classmethod
    def _are_different(cls, targets: tuple[BackupTarget, ...]) -> tuple[BackupTarget, ...]:
        for what in ("name", "repository"):
            seen = [getattr(each, what) for each in targets]
            if len(set(seen)) < len(seen):
                raise ValueError(f"names one {what} twice")
        return targets


class SecondPerson(_Section):
    """Which acts one person proposes and another one approves."""

    release_policy: bool = True
    revoke_key: bool = True
    """Every code that an issuing key has issued."""
    revoke_codes_above: Annotated[int, Field(ge=0, le=10_000_000)] = 50
    """So many codes may be revoked by one person in one act."""
    revoke_gateway: bool = False
    """Off, because a stolen gateway cannot wait for a second person."""
    decide_within_h: Annotated[int, Field(ge=1, le=30 * 24)] = 72
    """A proposal that nobody decides on in time expires."""


class Config(_Section):
    """Everything that an installer sets."""

    site: SiteId
    data_dir: ConfigPath
    database: Database = Database()
    mqtt: Mqtt
    broker: Broker = Broker()
    http: Http = Http()
    enrolment: Enrolment = Enrolment()
    accounts: Accounts = Accounts()
    oidc: Oidc = Oidc()
    logging: Logging = Logging()
    alerts: Alerts = Alerts()
    webhooks: Webhooks = Webhooks()
    home_assistant: HomeAssistant = HomeAssistant()
    limits: Limits = Limits()
    maintenance: Maintenance = Maintenance()
    backup: Backup = Backup()
    second_person: SecondPerson = SecondPerson()

    @field_validator("site")
    @classmethod
    def _is_a_name(cls, text: str) -> SiteId:
        return parse_site_id(text)

    @model_validator(mode="after")
    def _says_where_it_is(self) -> Self:
        if self.oidc.is_on and not self.http.origin:
            raise ValueError("oidc needs http.origin: the provider sends browsers back there")
        return self

    @property
    def database_url(self) -> str:
        """The store's address, with the default filled in."""
        return self.database.url or f"sqlite:///{self.data_dir / 'controller.sqlite3'}"

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file; None where it is a PostgreSQL."""
        url = make_url(self.database_url)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def load_config(path: Path) -> Config:
    """Returns the settings in `path`.

    Raises:
        ConfigError: the file cannot be read or is not TOML, or a key is unknown, missing or out
            of bounds.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as err:
        raise ConfigError(
            f"{path}: cannot be read: {err.strerror}; name another file with --config (its keys: "
            "docs/reference/controller-settings.md), or try `doorward-controller demo`"
        ) from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path}: is not TOML: {err}") from err
    try:
        return Config.model_validate(table, context={"folder": path.resolve().parent})
    except ValidationError as err:
        sentences = [_sentence(path, text, dict(error)) for error in err.errors()]
        raise ConfigError("\n".join(sentences)) from err


def one_of_many(config: Config, *, identity: str = "", http_port: int = 0) -> Config:
    """Returns the settings of one process of several that share a file.

    Args:
        config: what they share.
        identity: its name at the broker; the certificate `NAME.pem` and its key `NAME-key.pem` lie
            beside the configured one. Empty: as configured.
        http_port: where it serves pages; 0: as configured.

    Raises:
        ConfigError: the identity is no client id, or the port is none.
    """
    mqtt, http = config.mqtt, config.http
    try:
        if identity:
            folder = mqtt.cert_file.parent
            files = {
                "cert_file": folder / f"{identity}.pem",
                "key_file": folder / f"{identity}-key.pem",
            }
            mqtt = Mqtt.model_validate(mqtt.model_dump() | files | {"client_id": identity})
        if http_port:
            http = Http.model_validate(http.model_dump() | {"port": http_port})
    except ValidationError as err:
        raise ConfigError(f"serve: {err.errors()[0]['msg']}: {err.errors()[0]['input']!r}") from err
    return config.model_copy(update={"mqtt": mqtt, "http": http})


def _sentence(path: Path, text: str, error: dict[str, Any]) -> str:
    """Returns one error as "file, line N: key value problem (allowed ...)"."""
    keys = [str(key) for key in error["loc"]]
    line = _line_of(text, keys)
    where = f"{path}, line {line}" if line else str(path)
    problem = str(error["msg"]).removeprefix("Value error, ")
    name = ".".join(keys)
    if error["type"] == "extra_forbidden":
        return f"{where}: {name} is not a setting; allowed here: {_allowed(keys[:-1])}"
    if error["type"] == "missing":
        return f"{where}: {name} is missing"
    return f"{where}: {name} is {error['input']!r}: {problem}"


def _allowed(keys: list[str]) -> str:
    section: type[BaseModel] = Config
    for key in keys:
        if key.isdecimal():
            continue  # one of a list of tables
        kind = section.model_fields[key].annotation
        (inner, *_) = get_args(kind) or (kind,)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            section = inner
    return ", ".join(section.model_fields)


def _line_of(text: str, keys: list[str]) -> int:
    """Returns the line (from 1) of the key, of its table where it lacks there, 0 for neither.

    A number among the keys counts tables of one name: `[[backup.target]]` is the first, the second.
    """
    *sections, name = keys
    section, where, seen = "", 0, Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[(\[?)([^\[\]]+)\]", line)
        if header:
            section = header[2].strip()
            if header[1]:
                place = seen[section]
                seen[section] += 1
                section = f"{section}.{place}"
            if section == ".".join(keys):
                return number
            if section == ".".join(sections):
                where = number
        elif section == ".".join(sections) and re.match(
            rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line
        ):
            return number
    return where
