"""Malformed packets for a router: hostile.py LINK ROUTER client|server|stranger

client sends what hosts send to a DHCPv6 server, server what a DHCPv6 server sends to the router as its client, stranger what anybody
sends: neighbor discovery and multicast listener discovery. It prints how many packets it sent. The packets are the same each time.
"""
import random
import struct
import sys

from scapy.config import conf

conf.ipv6_enabled = True
from scapy.all import (  # noqa: E402
    Ether, ICMPv6DestUnreach, ICMPv6MLDMultAddrRec, ICMPv6MLQuery2, ICMPv6MLReport, ICMPv6MLReport2, ICMPv6MLDone, ICMPv6ND_NA,
    ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDNSSL, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS,
    ICMPv6NDOptRouteInfo, ICMPv6NDOptSrcLLAddr, ICMPv6Unknown, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting, PadN, Raw, RouterAlert, UDP, fragment6, get_if_hwaddr, in6_getifaddr, in6_chksum,
)
from scapy.arch.linux import L2Socket  # noqa: E402

link, router, what = sys.argv[1:4]
rnd = random.Random(1)
own = next(a for a, scope, i in in6_getifaddr() if i == link and a.startswith("fe80:"))
mac = get_if_hwaddr(link)
socket = L2Socket(iface=link)
sent = 0

GROUPS = {"ff02::1": "33:33:00:00:00:01", "ff02::2": "33:33:00:00:00:02", "ff02::16": "33:33:00:00:00:16",
          "ff02::1:2": "33:33:00:01:00:02", "ff05::1:3": "33:33:00:01:00:03"}


def out(packet):
    """Sends an IPv6 packet, in a frame to its group, or to all nodes: the kernel of the router takes it by its address."""
    global sent
    source = "02:00:00:%02x:%02x:%02x" % (sent >> 16, sent >> 8 & 255, sent & 255) if what == "client" else mac  # each client has its rate
    frame = Ether(src=source, dst=GROUPS.get(packet[IPv6].dst, "33:33:00:00:00:01"), type=0x86dd)
    data = bytes(frame / packet)
    if len(data) > 1514:
        return
    socket.outs.send(data)
    sent += 1


def option(code, data):
    """A DHCPv6 option whose length is right."""
    return struct.pack("!HH", code, len(data)) + data


def pieces(packet):
    """Sends a packet in fragments: whole ones, without the first, without the last, twice, in the wrong order, overlapping."""
    fragments = fragment6(packet, 200)
    for f in fragments[1:] + fragments[:-1] + fragments[::-1] + fragments:
        out(f)
    for offset in (0, 1, 8191):
        whole = bytes(packet[IPv6].payload)
        out(IPv6(src=own, dst=packet[IPv6].dst, hlim=packet[IPv6].hlim)
            / IPv6ExtHdrFragment(nh=fragments[0][IPv6ExtHdrFragment].nh, offset=offset, m=1, id=7) / Raw(whole[-64:]))


def discovery(source, destination, message):
    """Sends a message of neighbor discovery as it is, and in every way that RFC 4861 has it dropped."""
    ip = IPv6(src=source, dst=destination, hlim=255)
    out(ip / message)
    for hops in (0, 1, 64, 254):
        out(IPv6(src=source, dst=destination, hlim=hops) / message)
    for address in ("2001:db8::666", "ff02::1", router, "fe80::", "::1"):
        out(IPv6(src=address, dst=destination, hlim=255) / message)
    good = bytes(ip / message)[40:]
    for n in range(0, len(good), 1 if len(good) < 64 else 5):
        icmp(source, destination, good[:n])
    for n in range(4, len(good)):
        icmp(source, destination, good[:n] + bytes([rnd.choice((0, 1, 255, rnd.randrange(256)))]) + good[n + 1:])
    icmp(source, destination, good[:1] + b"\x01" + good[2:])
    icmp(source, destination, good + bytes(8))  # an option of length 0
    icmp(source, destination, good + b"\x01\xff" + bytes(6))  # one longer than the message
    icmp(source, destination, good + b"\xfd\x01abcdef" * 150)
    out(ip / IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN(optdata=b"x" * 20)]) / message)
    out(ip / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / message)
    out(ip / IPv6ExtHdrFragment(offset=0, m=0, id=9) / message)  # RFC 6980
    out(ip / IPv6ExtHdrRouting(addresses=["2001:db8::1"]) / message)
    bad = bytearray(bytes(ip / message))
    bad[42] ^= 0xff
    out(IPv6(bytes(bad)))
    pieces(ip / IPv6ExtHdrFragment() / message / Raw(b"\xfd\x01abcdef" * 60))


def icmp(source, destination, data):
    """Sends ICMPv6 bytes with the right checksum, if they have room for it."""
    ip = IPv6(src=source, dst=destination, hlim=255, nh=58)
    if len(data) >= 4:
        data = data[:2] + b"\0\0" + data[4:]
        data = data[:2] + struct.pack("!H", in6_chksum(58, ip, data)) + data[4:]
    out(ip / Raw(data))


def strangers():
    lladdr = ICMPv6NDOptSrcLLAddr(lladdr=mac)
    discovery(own, "ff02::2", ICMPv6ND_RS() / lladdr)
    discovery("::", "ff02::2", ICMPv6ND_RS())
    discovery("::", "ff02::2", ICMPv6ND_RS() / lladdr)
    discovery(own, router, ICMPv6ND_NS(tgt=router) / lladdr)
    discovery(own, "ff02::1", ICMPv6ND_NA(tgt=router, R=0, O=1))
    full = (ICMPv6ND_RA(routerlifetime=1800, chlim=64) / lladdr / ICMPv6NDOptMTU(mtu=1280)
            / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64, L=1, A=1, validlifetime=9000, preferredlifetime=9000)
            / ICMPv6NDOptRouteInfo(len=3, plen=128, prefix="2001:db8:bad::1", rtlifetime=900)
            / ICMPv6NDOptRDNSS(dns=["fe80::bad"], lifetime=900) / ICMPv6NDOptDNSSL(searchlist=["example.net", "bad.example"], lifetime=900))
    discovery(own, "ff02::1", full)
    for code in range(256):  # every option, with a length that it may have and with contents that it must not have
        body = bytes(rnd.randrange(256) for _ in range(8 * rnd.choice((1, 2, 3, 5)) - 2))
        icmp(own, "ff02::1", bytes(ICMPv6ND_RA())[:16] + bytes([code, (len(body) + 2) // 8]) + body)
    icmp(own, "ff02::1", bytes(ICMPv6ND_RA())[:16] + b"".join(
        bytes(ICMPv6NDOptPrefixInfo(prefix="2001:db8:%x::" % n, prefixlen=rnd.choice((0, 64, 65, 128)))) for n in range(44)))
    icmp(own, "ff02::1", bytes(ICMPv6ND_RA())[:16] + b"\x1f\x04\0\0\0\0\0\x10" + b"\xc0\x00" * 12)  # a name that points at itself
    icmp(own, "ff02::1", bytes(ICMPv6ND_RA())[:16] + b"\x1f\x04\0\0\0\0\0\x10" + b"\x3f" + b"x" * 23)  # a label that is cut off
    discovery(own, "ff02::1", ICMPv6DestUnreach() / Raw(bytes(64)))

    def listener(message, hops=1, alert=True, source=own, group="ff02::16"):
        ip = IPv6(src=source, dst=group, hlim=hops)
        out(ip / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / message if alert else ip / message)

    def record(kind, group, sources=(), **more):
        return ICMPv6MLDMultAddrRec(rtype=kind, dst=group, sources=list(sources), **more)

    for kind in range(8):
        listener(ICMPv6MLReport2(records=[record(kind, "ff05::%x" % kind, ["2001:db8::%x" % n for n in range(20)])]))
    listener(ICMPv6MLReport2(records_number=65535, records=[record(4, "ff05::9")]))
    listener(ICMPv6MLReport2(records=[record(4, "ff05::9", sources_number=65535)]))
    listener(ICMPv6MLReport2(records=[record(4, "ff05::9", auxdata_len=255)]))
    listener(ICMPv6MLReport2(records=[record(4, "2001:db8::9")]))  # no group
    listener(ICMPv6MLReport2(records=[record(4, "ff02::1")]))
    for n in range(60):
        listener(ICMPv6MLReport2(records=[record(4, "ff05::%x:%x" % (n, k)) for k in range(60)]))
    report = bytes(IPv6(src=own, dst="ff02::16", hlim=1) / ICMPv6MLReport2(records=[record(3, "ff05::9", ["2001:db8::9"] * 4)]))[40:]
    for n in range(len(report)):
        cut = report[:2] + b"\0\0" + report[4:n]
        ip = IPv6(src=own, dst="ff02::16", hlim=1)
        if len(cut) >= 4:
            cut = cut[:2] + struct.pack("!H", in6_chksum(58, IPv6(src=own, dst="ff02::16", nh=58), cut)) + cut[4:]
        out(ip / IPv6ExtHdrHopByHop(nh=58, options=[RouterAlert()]) / Raw(cut))
    for message in (ICMPv6MLReport(mladdr="ff05::7"), ICMPv6MLDone(mladdr="ff05::7"), ICMPv6MLQuery2(), ICMPv6MLQuery2(mladdr="ff05::7", mrd=0xffff),
                    ICMPv6MLQuery2(sources_number=65535), ICMPv6Unknown(type=143)):
        listener(message)
        listener(message, hops=255)
        listener(message, alert=False)
        listener(message, source="2001:db8::9")
        listener(message, source="::")


DUID = struct.pack("!HHL", 1, 1, 7) + b"\x02\x00\x00\x00\x06\x66"
SERVER = struct.pack("!HH", 3, 1) + b"\x02\x00\x00\x00\x00\x01"
IAADDR = option(5, bytes.fromhex("20010db8000000000000000000000666") + struct.pack("!LL", 900, 900))
IAPREFIX = option(26, struct.pack("!LLB", 900, 900, 60) + bytes.fromhex("20010db8066600000000000000000000"))
IA_NA = option(3, struct.pack("!LLL", 1, 0, 0) + IAADDR)
IA_PD = option(25, struct.pack("!LLL", 1, 0, 0) + IAPREFIX)


def bodies():
    """Options that are valid, and ever less so."""
    good = option(1, DUID) + option(2, SERVER) + option(8, b"\0\0") + option(6, struct.pack("!HH", 23, 24)) + IA_NA + IA_PD
    yield good
    for n in range(0, len(good), 3):
        yield good[:n]
    for n in range(0, len(good), 2):
        yield good[:n] + bytes([rnd.choice((0, 255, rnd.randrange(256)))]) + good[n + 1:]
    ids = option(1, DUID) + option(2, SERVER)
    for length in (0, 1, 2, 131, 1200):
        yield option(1, b"\0" * length) + IA_NA
        yield option(1, DUID) + option(2, b"\0" * length) + IA_NA
    for bits in (0, 1, 128, 129, 255):
        yield ids + option(25, struct.pack("!LLL", 1, 0, 0) + option(26, struct.pack("!LLB", 9, 900, bits) + bytes(16)))
    yield ids + option(25, struct.pack("!LLL", 2**32 - 1, 2**32 - 1, 0) + IAPREFIX)
    yield ids + IA_NA * 30
    yield ids + option(3, struct.pack("!LLL", 1, 0, 0) + IAADDR * 45)
    yield ids + option(25, struct.pack("!LLL", 1, 0, 0) + IAPREFIX * 40)
    yield ids + option(6, bytes(1300))
    yield ids + option(6, b"\0")
    yield ids + option(11, bytes(27)) + option(19, b"\x05") + option(20, b"")
    yield ids + b"".join(option(code, b"") for code in range(40, 300))
    nested = IAADDR
    for _ in range(70):  # identity associations within one another
        nested = option(3, struct.pack("!LLL", 1, 0, 0) + nested)
    yield ids + nested
    nested = b""
    for _ in range(200):  # vendor options within one another
        nested = option(17, nested)
    yield ids + nested
    yield ids + option(0xffff, b"\xff" * 1200)
    yield ids + struct.pack("!HH", 3, 0xffff) + bytes(64)


def datagram(data, to, source=own, sport=546, dport=547, **udp):
    out(IPv6(src=source, dst=to, hlim=64) / UDP(sport=sport, dport=dport, **udp) / Raw(data))


def clients():
    for body in bodies():
        for kind in (1, 3, 4, 5, 6, 8, 9, 11):
            datagram(bytes([kind]) + rnd.randbytes(3) + body, "ff02::1:2")
    good = next(bodies())
    for kind in range(256):
        datagram(bytes([kind]) + rnd.randbytes(3) + good, "ff02::1:2")
    message = b"\x01abc" + option(1, DUID) + IA_NA
    for source in ("::", "2001:db8::666", "ff02::1", router, "fe80::"):
        datagram(message, "ff02::1:2", source=source)
    datagram(message, router)  # RFC 9915: clients do not send to an address
    datagram(message, "ff05::1:3")
    datagram(message, "ff02::1:2", sport=0)
    datagram(message, "ff02::1:2", len=8)
    datagram(message, "ff02::1:2", len=60000)
    datagram(message, "ff02::1:2", chksum=1)
    datagram(message, "ff02::1:2", chksum=0)

    def relayed(inner, hops=0, address="2001:db8::1", peer=own, more=b""):
        ends = b"".join(bytes(IPv6(dst=a))[24:40] for a in (address, peer))
        return bytes([12, hops]) + ends + more + option(9, inner)

    for depth in range(1, 20):  # relays behind relays
        chain = message
        for hop in range(depth):
            chain = relayed(chain, hops=hop, address="::" if hop else "2001:db8::1")
        datagram(chain, "ff02::1:2", sport=547)
        datagram(chain, router, sport=547)
    for inner in (b"", b"\x01", message[:7], relayed(b""), b"\x0d" + relayed(message)[1:], b"\xff" * 1000):
        datagram(relayed(inner), router, sport=547)
        datagram(relayed(inner, hops=255), router, sport=547)
    for more in (option(18, b"x" * 1000), option(18, b"") * 30, option(79, b""), option(79, b"\0\1" + bytes(20)), option(135, b"\0"), option(9, message)):
        datagram(relayed(message, more=more), router, sport=547)
    whole = relayed(message)
    for n in range(len(whole)):
        datagram(whole[:n], router, sport=547)
    pieces(IPv6(src=own, dst="ff02::1:2", hlim=64) / IPv6ExtHdrFragment() / UDP(sport=546, dport=547) / Raw(message + option(17, bytes(900))))


def servers():
    for body in bodies():
        for kind in (2, 7, 10):
            datagram(bytes([kind]) + rnd.randbytes(3) + body, router, sport=547, dport=546)
    good = next(bodies())
    for kind in range(256):
        datagram(bytes([kind]) + rnd.randbytes(3) + good, router, sport=547, dport=546)
    for n in range(200):  # Reconfigure, with and without a forged authentication
        auth = option(11, bytes([3, 1, 0]) + struct.pack("!Q", n) + b"\x02" + rnd.randbytes(16))
        datagram(b"\x0a\0\0\0" + option(1, DUID) + option(2, SERVER) + option(19, b"\x05") + (auth if n % 2 else b""), router, sport=547, dport=546)
    pieces(IPv6(src=own, dst=router, hlim=64) / IPv6ExtHdrFragment() / UDP(sport=547, dport=546) / Raw(b"\x07abc" + good + option(17, bytes(900))))


{"client": clients, "server": servers, "stranger": strangers}[what]()
print(sent, "packets")
