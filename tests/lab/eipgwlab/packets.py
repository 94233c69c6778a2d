# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Crafted packets for raw sockets, as bytes. Addresses are dotted strings."""

import socket
import struct

TCP, UDP, ICMP, SCTP = 6, 17, 1, 132
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
VXLAN_PORT = 4789


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def ipv4(src: str, dst: str, proto: int, payload: bytes, ttl: int = 64, identity: int = 1) -> bytes:
    def header(check: int) -> bytes:
        return struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identity, 0, ttl, proto, check,
            socket.inet_aton(src), socket.inet_aton(dst),
        )

    return header(checksum(header(0))) + payload


def _transport_sum(src: str, dst: str, proto: int, segment: bytes) -> int:
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, proto, len(segment))
    return checksum(pseudo + segment)


def udp(src: str, dst: str, sport: int, dport: int, data: bytes = b"lab") -> bytes:
    head = struct.pack("!HHHH", sport, dport, 8 + len(data), 0)
    check = _transport_sum(src, dst, UDP, head + data) or 0xFFFF
    return ipv4(src, dst, UDP, head[:6] + struct.pack("!H", check) + data)


def tcp(src: str, dst: str, sport: int, dport: int, flags: int = SYN, seq: int = 1000,
        ack: int = 0, data: bytes = b"") -> bytes:
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, 0, 0)
    check = _transport_sum(src, dst, TCP, head + data)
    return ipv4(src, dst, TCP, head[:16] + struct.pack("!H", check) + head[18:] + data)


def icmp_echo(src: str, dst: str, identity: int = 77, seq: int = 1, data: bytes = b"lab") -> bytes:
    body = struct.pack("!BBHHH", 8, 0, 0, identity, seq) + data
    return ipv4(src, dst, ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp_init(src: str, dst: str, sport: int, dport: int) -> bytes:
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    head = struct.pack("!HHI", sport, dport, 0)
    crc = struct.pack("<I", _crc32c(head + b"\0\0\0\0" + chunk))
    return ipv4(src, dst, SCTP, head + crc + chunk)


def vxlan(outer_src: str, outer_dst: str, inner: bytes, *, vni: int = 77, port: int = VXLAN_PORT,
          to_mac: str = "02:65:67:77:00:01", from_mac: str = "02:65:67:77:00:02",
          sport: int = 50000) -> bytes:
    """An IPv4 packet inside VXLAN. The default MACs are those of a packet from node to gateway."""
    frame = b"".join(bytes.fromhex(mac.replace(":", "")) for mac in (to_mac, from_mac))
    head = struct.pack("!II", 0x08000000, vni << 8)
    return udp(outer_src, outer_dst, sport, port, head + frame + b"\x08\x00" + inner)
