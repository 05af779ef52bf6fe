"""No spelling of a private address gets through, and no address that leads to one."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.addresses import Refused, Target, is_public, redirected, target_of


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.0.0.192"),
        *("100.100.100.200", "168.63.129.16"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::"),
        *(
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "2001:0:0:0:0:0:80ff:fffe",
            "::ffff:168.63.129.16",
        ),
    ],
)
def test_address_of_nobodys_internet_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_address_of_somebody_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_embedding_changes_nothing(address) -> None:
    for network in ("::ffff:0:0", "64:ff9b::"):
        assert is_public(ip_address(int(ip_address(network)) + int(address))) == is_public(address)
    assert is_public(ip_address((0x2002 << 112) + (int(address) << 80))) == is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://017700000001/", "http://127.1/"),
        *("http://0177.0.0.1/", "http://127.0.0.0x1/", "http://127.0.0.1.1/", "http://1e2/.4", "http://08.8.8.8/"),
        *("http://user@example.com/", "http://user:password@example.com/", "http://@example.com/"),
        *("http://example.com\\@127.0.0.1/", "http://exa mple.com/", "http://example.com/\r\nHost: x", "http://\x00/"),
        *("ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/", "example.com", ""),
        *(
            "http:///path",
            "http://[::1",
            "http://[fe80::1%25eth0]/",
            "http://exam%70le.com/",
            "http://example.com:99999/",
        ),
        *("http://-a.example/", "http://a..example/", "http://a.example:port/", "http://" + "a" * 64 + ".example/"),
    ],
)
def test_url_that_two_could_read_differently_is_refused(url: str) -> None:
    if url == "http://1e2/.4":  # a name like another
        assert target_of(url).host == "1e2"
        return
    with pytest.raises(Refused):
        target_of(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("HTTP://Example.COM./a?b#c", Target("http", "example.com", 80, "/a?b")),
        ("https://files.example:8443", Target("https", "files.example", 8443, "/")),
        ("https://[2606:4700::1111]/", Target("https", "2606:4700::1111", 443, "/")),
        ("https://bücher.example/ü", Target("https", "xn--bcher-kva.example", 443, "/%C3%BC")),
        ("http://8.8.8.8/", Target("http", "8.8.8.8", 80, "/")),
        # Digits in circles are digits (RFC 3491).
        ("http://①②⑦.⓪.⓪.①/", Target("http", "127.0.0.1", 80, "/")),
        ("http://127。0。0。1/", Target("http", "127.0.0.1", 80, "/")),
    ],
)
def test_url_is_taken_apart(url: str, target: Target) -> None:
    assert target_of(url) == target


def test_host_header_names_the_port_only_where_it_is_not_the_schemes() -> None:
    assert target_of("https://a.example").authority == "a.example"
    assert target_of("http://a.example:443").authority == "a.example:443"
    assert target_of("https://[2606:4700::1111]:8443").authority == "[2606:4700::1111]:8443"


def test_redirect_is_joined_or_refused() -> None:
    assert redirected("https://a.example/b/c", "../d?e") == "https://a.example/d?e"
    with pytest.raises(Refused):
        redirected("https://a.example/", "http://[::1")
