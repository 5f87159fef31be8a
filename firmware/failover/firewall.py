"""Nothing of the unit answers a stranger on an uplink: the nftables ruleset as text, for the image and the bench.

What the unit itself began comes back (conntrack), a DHCP lease is renewed (RFC 2131: client port 68), IPv6 finds its
neighbours (RFC 4861). All else is dropped without a word, so that a scan sees nothing there.
"""

from collections.abc import Sequence


def ruleset(uplinks: Sequence[str]) -> str:
    """The table for these interfaces, as `nft -f` takes it; loading it again replaces it."""
    names = ", ".join(f'"{name}"' for name in uplinks)
    return f"""table inet uplinks
delete table inet uplinks
table inet uplinks {{
  chain in {{
    type filter hook input priority 0; policy accept;
    iifname {{ {names} }} jump uplink
  }}
  chain uplink {{
    ct state established,related accept
    udp sport 67 udp dport 68 accept
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert }} accept
    drop
  }}
}}
"""
