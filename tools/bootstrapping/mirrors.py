"""Tell uv what this machine has told pip: mirrors, certificates, proxies.

People configure pip (`/etc/pip.conf`, `pip config set`, `PIP_*`); uv does not read any of that.
Who has configured uv itself is left alone: a `UV_*` setting always wins.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlparse

SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_LINE = re.compile(r"^(?P<section>[\w:]+)\.\.?(?P<key>[\w-]+)=(?P<value>.+)$")
# pip's own order: what stands later wins. `:env:` is what PIP_* variables say.
_SECTIONS = ("global", "install", ":env:")
_UV_INDEX_NAMES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Return the settings that `pip config list` prints, merged in pip's order."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.splitlines():
        match = _LINE.match(line.strip())
        if match and match["section"] in found:
            found[match["section"]][match["key"]] = _unquoted(match["value"])
    merged: dict[str, str] = {}
    for section in _SECTIONS:
        merged.update(found[section])
    return merged


def uv_environment(pip_settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with what pip's settings mean for uv added where nothing is said yet."""
    env = dict(environ)
    if not any(env.get(name) for name in _UV_INDEX_NAMES):
        if index := pip_settings.get("index-url"):
            env["UV_DEFAULT_INDEX"] = index
        if extra := _existing(pip_settings.get("extra-index-url", "")):
            env["UV_EXTRA_INDEX_URL"] = " ".join(extra)
    if links := _existing(pip_settings.get("find-links", "")):
        env.setdefault("UV_FIND_LINKS", ",".join(links))
    if pip_settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        env.setdefault("UV_NO_INDEX", "1")
    if cert := pip_settings.get("cert"):
        env.setdefault("SSL_CERT_FILE", cert)
    elif SYSTEM_CERTIFICATES.exists():
        env.setdefault("UV_SYSTEM_CERTS", "1")
    if hosts := pip_settings.get("trusted-host", "").split():
        env.setdefault("UV_INSECURE_HOST", " ".join(hosts))
    if proxy := pip_settings.get("proxy"):
        env.setdefault("HTTPS_PROXY", proxy)
        env.setdefault("HTTP_PROXY", proxy)
    # Without an environment of its own uv would look at the one that happens to be active.
    env.pop("VIRTUAL_ENV", None)
    return env


def pip_environment(pip_settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` with the system's certificates for pip, unless it was told of others.

    A pip that did not come from Debian brings its own list, which knows no company's CA.
    """
    env = dict(environ)
    if "cert" not in pip_settings and SYSTEM_CERTIFICATES.exists():
        env.setdefault("PIP_CERT", str(SYSTEM_CERTIFICATES))
    return env


def _unquoted(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (SyntaxError, ValueError):
        return value


def _existing(locations: str) -> list[str]:
    """Leave out local folders that are not there: pip only warns of them, uv stops."""
    return [place for place in locations.split() if _is_remote(place) or _folder(place).exists()]


def _is_remote(place: str) -> bool:
    return urlparse(place).scheme in {"http", "https"}


def _folder(place: str) -> Path:
    parsed = urlparse(place)
    return Path(unquote(parsed.path)) if parsed.scheme == "file" else Path(place)
