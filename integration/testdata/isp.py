"""A DHCPv6 server that delegates what a file says, all of it in each Reply: isp.py LINK FILE

Each line of the file is PREFIX PREFERRED VALID, with the lifetimes in seconds. The file is read for each message.
"""
import ipaddress
import sys

from scapy.config import conf

conf.ipv6_enabled = True
from scapy.all import (  # noqa: E402
    DHCP6_Advertise, DHCP6_Rebind, DHCP6_Renew, DHCP6_Reply, DHCP6_Request, DHCP6_Solicit, DHCP6OptClientId, DHCP6OptIA_PD, DHCP6OptIAPrefix,
    DHCP6OptServerId, DUID_LL, Ether, IPv6, UDP, get_if_hwaddr, sendp, sniff,
)

link, path = sys.argv[1:3]
mac = get_if_hwaddr(link)


def answer(packet):
    question = next((packet[kind] for kind in (DHCP6_Solicit, DHCP6_Request, DHCP6_Renew, DHCP6_Rebind) if kind in packet), None)
    if question is None or DHCP6OptIA_PD not in packet:
        return
    kind = DHCP6_Advertise if DHCP6_Solicit in packet else DHCP6_Reply
    prefixes = []
    for line in open(path):
        prefix, preferred, valid = line.split()
        net = ipaddress.IPv6Network(prefix)
        prefixes.append(DHCP6OptIAPrefix(preflft=int(preferred), validlft=int(valid), plen=net.prefixlen, prefix=str(net.network_address)))
    sendp(
        Ether(src=mac, dst=packet[Ether].src) / IPv6(src="fe80::1", dst=packet[IPv6].src) / UDP(sport=547, dport=546)
        / kind(trid=question.trid) / DHCP6OptServerId(duid=DUID_LL(lladdr=mac)) / DHCP6OptClientId(duid=packet[DHCP6OptClientId].duid)
        / DHCP6OptIA_PD(iaid=packet[DHCP6OptIA_PD].iaid, T1=600, T2=900, iapdopt=prefixes),
        iface=link, verbose=False)


sniff(iface=link, prn=answer, store=False)
