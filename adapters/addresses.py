"""Where a caller's URL may lead: hosts in their one plain spelling, and only addresses of the public internet.

Source: RFC 6890 (special-purpose addresses); RFC 4291 §2.5.5 (mapped), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 6052 and
RFC 8215 (NAT64); WHATWG URL, "ends in a number".
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

Address = IPv4Address | IPv6Address

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
# Clouds serve metadata on addresses that are public by the registry, or by Python's copy of it: Azure and Oracle.
_METADATA = (IPv4Network("168.63.129.16/32"), IPv4Network("192.0.0.0/24"))
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)*{_LABEL}")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}


class Refused(ValueError):
    """A URL that nobody will fetch; the message says why.

    Shape: `blocked` is what its caller may have had in mind to get past: url, host or address; empty for a mishap.
    """

    def __init__(self, message: str, *, blocked: str = "") -> None:
        super().__init__(message)
        self.blocked = blocked


class Target(Struct, frozen=True):
    """One URL taken apart.

    Shape: `host` is in lower case and ASCII, without brackets and a dot at its end; `target` is path and query.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Take a URL apart. Errors: Refused for whatever two readers could understand differently."""
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise Refused("it holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Refused("it is no URL") from exc
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise Refused("only http and https are fetched")
    if "@" in parts.netloc:
        raise Refused("it holds a user name or password")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme, _host(parts.hostname or ""), _PORTS[scheme] if port is None else port, _ascii(target))


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads. Errors: Refused."""
    try:
        return urljoin(url, location)
    except ValueError as exc:
        raise Refused("it is redirected to what is no URL") from exc


def is_public(address: Address) -> bool:
    """Whether an address belongs to somebody on the public internet, with every address that is embedded in it."""
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local or address.is_reserved:
            return False
    return address.is_global and not address.is_multicast and not any(address in each for each in _METADATA)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that traffic to an IPv6 address ends up at."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in (*_NAT64, _COMPATIBLE)):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _host(name: str) -> str:
    """The host in the one spelling that everybody reads the same way."""
    if ":" in name:
        return _literal(name, IPv6Address)
    try:
        host = name.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError as exc:
        raise Refused("its host is no name") from exc
    if not _NAME.fullmatch(host):
        raise Refused("its host is no name")
    # 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to some.
    return _literal(host, IPv4Address) if _NUMBER.fullmatch(host.rpartition(".")[2]) else host


def _literal(host: str, kind: type[Address]) -> str:
    try:
        address = kind(host)
    except AddressValueError as exc:
        raise Refused("its host is a number that is no plain address") from exc
    if isinstance(address, IPv6Address) and address.scope_id:
        raise Refused("its host is an address of this machine's own network")
    return str(address)


def _ascii(target: str) -> str:
    """Percent-encode what a request line cannot hold."""
    return "".join(letter if letter.isascii() else _encoded(letter) for letter in target)


def _encoded(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def parsed(text: str) -> Address:
    """Read an address as a resolver gives it, without its zone."""
    return ip_address(text.partition("%")[0])
