"""Which addresses of the internet this server may talk to on behalf of somebody who wrote a link."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# What may reach the public internet, and the parts of it that lead elsewhere: relays, tunnels, protocols, examples.
UNICAST = IPv6Network("2000::/3")
ELSEWHERE_6 = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
ELSEWHERE_4 = [IPv4Network(network) for network in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24")]
# An IPv6 network reaches the IPv4 address in its last four bytes through these.
NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether a numeric address is one that anybody on the internet could reach."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return (
            ip.is_global and not (ip.is_multicast or ip.is_reserved) and not any(ip in each for each in ELSEWHERE_4)
        )
    inner = _inner(ip)
    if inner:
        return is_public(str(inner))
    return ip in UNICAST and ip.is_global and not ip.scope_id and not any(ip in each for each in ELSEWHERE_6)


def _inner(ip: IPv6Address) -> IPv4Address | None:
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped
