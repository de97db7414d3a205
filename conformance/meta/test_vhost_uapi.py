# SPDX-License-Identifier: BSD-3-Clause
"""Numbers and arguments of vhost ioctls, compared with what a C compiler makes of the headers that define them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rpmsg_cts import vhost_uapi as uapi

NAMES = ("GET_FEATURES", "SET_FEATURES", "SET_OWNER", "RESET_OWNER", "SET_MEM_TABLE", "SET_LOG_BASE", "SET_LOG_FD",
         "SET_VRING_NUM", "SET_VRING_ADDR", "SET_VRING_BASE", "GET_VRING_BASE", "SET_VRING_ENDIAN", "GET_VRING_ENDIAN",
         "SET_VRING_KICK", "SET_VRING_CALL", "SET_VRING_ERR", "SET_BACKEND_FEATURES", "GET_BACKEND_FEATURES")
ROOT = Path(__file__).resolve().parents[2]
RPMSG = {"EPT_CREATE": "VHOST_RPMSG_EPT_CREATE", "EPT_DESTROY": "VHOST_RPMSG_EPT_DESTROY", "SEND": "VHOST_RPMSG_SEND",
         "RECV": "VHOST_RPMSG_RECV", "CHANNELS": "VHOST_RPMSG_CHANNELS", "QUEUE": "VHOST_RPMSG_QUEUE",
         "ECHO": "VHOST_RPMSG_ECHO", "SINK": "VHOST_RPMSG_SINK", "SOURCE": "VHOST_RPMSG_SOURCE",
         "ANNOUNCE": "VHOST_RPMSG_EPT_ANNOUNCE", "NOWAIT": "VHOST_RPMSG_MSG_NOWAIT"}
VSOCK = {"VSOCK_SET_GUEST_CID": "VHOST_VSOCK_SET_GUEST_CID", "SET_RUNNING": "VHOST_VSOCK_SET_RUNNING"}
PROGRAM = """
#include "vhost_rpmsg.h"
#include <stdio.h>
#include <string.h>
static void show(const char *name, const void *bytes, size_t len)
{
	printf("%%s ", name);
	for (size_t i = 0; i < len; i++)
		printf("%%02x", ((const unsigned char *)bytes)[i]);
	printf("\\n");
}
int main(void)
{
	static struct { struct vhost_memory head; struct vhost_memory_region region[2]; } table;
	struct vhost_vring_state state = { .index = 1, .num = 0x12345 };
	struct vhost_vring_file file = { .index = 1, .fd = -1 };
	struct vhost_vring_addr addr = { .index = 1, .flags = 1 << VHOST_VRING_F_LOG, .desc_user_addr = 0x1111,
		.used_user_addr = 0x2222, .avail_user_addr = 0x3333, .log_guest_addr = 0x4444 };
	struct vhost_rpmsg_ept ept = { .addr = 1, .dst = 2, .mode = VHOST_RPMSG_SINK, .flags = VHOST_RPMSG_EPT_ANNOUNCE,
		.name = "name" };
	struct vhost_rpmsg_msg msg = { .src = 1, .dst = 2, .len = 3, .flags = VHOST_RPMSG_MSG_NOWAIT, .data = 0x1234567890 };
	struct vhost_rpmsg_chans chans = { .count = 7, .chans = 0x1234567890 };
	table.head.nregions = 2;
	table.region[0] = (struct vhost_memory_region){ .guest_phys_addr = 1, .memory_size = 2, .userspace_addr = 3 };
	table.region[1] = (struct vhost_memory_region){ .guest_phys_addr = 4, .memory_size = 5, .userspace_addr = 6 };
	show("state", &state, sizeof(state));
	show("file", &file, sizeof(file));
	show("addresses", &addr, sizeof(addr));
	show("memory", &table, sizeof(table));
	show("endpoint", &ept, sizeof(ept));
	show("message", &msg, sizeof(msg));
	show("channels", &chans, sizeof(chans));
	printf("channel %%x\\n", (unsigned)sizeof(struct vhost_rpmsg_chan));
%s
}
"""


def test_numbers_and_structures_are_those_of_the_headers(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None or not Path("/usr/include/linux/vhost.h").exists():
        pytest.skip("needs a compiler and the kernel's headers (packages gcc, linux-libc-dev)")
    rows = {name: f"VHOST_{name}" for name in NAMES} | VSOCK | RPMSG
    source = tmp_path / "uapi.c"
    source.write_text(PROGRAM % "\n".join(f'\tprintf("{name} %x\\n", (unsigned){macro});'
                                          for name, macro in rows.items()))
    subprocess.run([compiler, f"-I{ROOT / 'fixtures' / 'kernel' / 'vhost_rpmsg'}", "-o", str(tmp_path / "uapi"), str(source)], check=True)
    told = subprocess.run([str(tmp_path / "uapi")], capture_output=True, text=True, check=True).stdout

    regions = [uapi.Region(1, 2, 3), uapi.Region(4, 5, 6)]
    ours = {name: f"{getattr(uapi, name):x}" for name in rows} | {
        "state": uapi.state(1, 0x12345).hex(), "file": uapi.file(1, uapi.NO_FILE).hex(),
        "addresses": uapi.addresses(1, 0x1111, 0x3333, 0x2222, flags=uapi.LOG_ADDR, log=0x4444).hex(),
        "memory": uapi.memory(regions).hex(),
        "endpoint": uapi.endpoint(1, 2, "name", mode=uapi.SINK, flags=uapi.ANNOUNCE).hex(),
        "message": uapi.message(1, 2, 3, 0x1234567890, flags=uapi.NOWAIT).hex(),
        "channels": uapi.channels(7, 0x1234567890).hex(), "channel": f"{uapi.CHAN_BYTES:x}"}
    assert ours == dict(line.split() for line in told.splitlines())
