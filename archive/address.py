"""Which network addresses may be fetched.

Rule: only globally reachable unicast addresses (IANA special-purpose registries, RFC 6890), checked on the
address that is connected to, after DNS. Addresses that carry another (IPv4-mapped, 6to4, NAT64, Teredo) are
judged by the one they carry as well.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


def is_public(text: str) -> bool:
    """Whether `text` (an IP address, with or without a zone) is globally reachable unicast."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_public(each) for each in (address, *_carried(address)))


def _public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return True  # judged by the address it carries
    return address.is_global and not address.is_multicast


def _carried(address: Address) -> list[IPv4Address]:
    if isinstance(address, IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]
