# SPDX-License-Identifier: BSD-3-Clause
"""Messages of a trace for Wireshark, read back by tshark with our dissector."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from meta.conftest import ROOT
from meta.tracing import PATIENCE_S
from rpmsg_cts.link import Config
from rpmsg_cts.link_sim import World
from rpmsg_cts.record import Record
from rpmsg_cts.trace import pcapng
from rpmsg_cts.upper_sim import UpperSim

DISSECTOR = ROOT / "traces" / "wireshark" / "rpmsg.lua"
FIELDS = ("frame.interface_name", "frame.len", "rpmsg.src", "rpmsg.dst", "rpmsg.len", "rpmsg.flags", "rpmsg.ns.name",
          "rpmsg.ns.addr", "rpmsg.ns.flags", "_ws.col.Info")


def records() -> list[Record]:
    """Return: a service announced and withdrawn, and a message each way, half a second apart."""
    world = World(Config(), driver=True, device=True)
    try:
        driver, device = (UpperSim(world.native, world.handle, end) for end in (0, 1))
        driver.probe()
        service = device.open(0x200, name="a service")
        device.announce(service)
        client = driver.open(30, 0x200)
        driver.send(client, b"ping!")
        world.advance(0.5)
        device.send(device.open(31, 30), b"a longer answer")
        device.withdraw(service)
        return world.records()
    finally:
        world.close()


def test_each_message_is_found_with_who_sent_it() -> None:
    found = pcapng.messages(records())

    assert [(message.sender, message.length, message.ns) for message in found] == [
        ("device", 56, 0), ("driver", 21, 0), ("device", 31, 500_000_000), ("device", 56, 500_000_000)]
    assert found[1].header == struct.pack("<IIIHH", 30, 0x200, 0, 5, 0)
    assert found[0].payload == b"a service".ljust(32, b"\0") + struct.pack("<II", 0x200, 0)
    assert found[3].payload == b"a service".ljust(32, b"\0") + struct.pack("<II", 0x200, 1)


def test_of_an_end_that_does_not_tell_its_peer_is_asked() -> None:
    """As on a real target: our end alone."""
    device = [entry for entry in records() if entry.end == "device"]

    assert pcapng.messages(device) == pcapng.messages(records())


def test_a_file_is_a_chain_of_whole_blocks() -> None:
    data, kinds = pcapng.encode(pcapng.messages(records())), []
    while data:
        kind, size = struct.unpack_from("<II", data)
        assert size % 4 == 0 and struct.unpack_from("<I", data, size - 4) == (size,)
        kinds.append(kind)
        data = data[size:]

    assert kinds == [pcapng.SECTION, pcapng.INTERFACE, pcapng.INTERFACE, *[pcapng.PACKET] * 4]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not there: apt-get install tshark")
def test_tshark_reads_it_with_our_dissector(tmp_path: Path) -> None:
    file = tmp_path / "messages.pcapng"
    file.write_bytes(pcapng.encode(pcapng.messages(records())))

    done = subprocess.run(["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", file, "-T", "fields", "-E", "separator=|",
                           *(word for field in FIELDS for word in ("-e", field))],
                          capture_output=True, text=True, check=True, timeout=PATIENCE_S)

    assert done.stdout.splitlines() == [
        "device to driver|56|0x00000200|0x00000035|40|0x0000|a service|0x00000200|0x00000000|"
        "0x200 -> 0x35  40 bytes  announces a service at 0x200",
        "driver to device|21|0x0000001e|0x00000200|5|0x0000||||0x1e -> 0x200  5 bytes",
        "device to driver|31|0x0000001f|0x0000001e|15|0x0000||||0x1f -> 0x1e  15 bytes",
        "device to driver|56|0x00000200|0x00000035|40|0x0000|a service|0x00000200|0x00000001|"
        "0x200 -> 0x35  40 bytes  withdraws a service at 0x200",
    ]
