# SPDX-License-Identifier: BSD-3-Clause
"""Numbers and arguments of vhost ioctls, compared with what a C compiler makes of the kernel's own header."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rpmsg_cts import vhost_uapi as uapi

NAMES = ("GET_FEATURES", "SET_FEATURES", "SET_OWNER", "RESET_OWNER", "SET_MEM_TABLE", "SET_LOG_BASE", "SET_LOG_FD",
         "SET_VRING_NUM", "SET_VRING_ADDR", "SET_VRING_BASE", "GET_VRING_BASE", "SET_VRING_ENDIAN", "GET_VRING_ENDIAN",
         "SET_VRING_KICK", "SET_VRING_CALL", "SET_VRING_ERR", "SET_BACKEND_FEATURES", "GET_BACKEND_FEATURES")
VSOCK = {"VSOCK_SET_GUEST_CID": "VHOST_VSOCK_SET_GUEST_CID", "SET_RUNNING": "VHOST_VSOCK_SET_RUNNING"}
PROGRAM = """
#include <linux/vhost.h>
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
	table.head.nregions = 2;
	table.region[0] = (struct vhost_memory_region){ .guest_phys_addr = 1, .memory_size = 2, .userspace_addr = 3 };
	table.region[1] = (struct vhost_memory_region){ .guest_phys_addr = 4, .memory_size = 5, .userspace_addr = 6 };
	show("state", &state, sizeof(state));
	show("file", &file, sizeof(file));
	show("addresses", &addr, sizeof(addr));
	show("memory", &table, sizeof(table));
%s
}
"""


def test_numbers_and_structures_are_those_of_the_kernel(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None or not Path("/usr/include/linux/vhost.h").exists():
        pytest.skip("needs a compiler and the kernel's headers (packages gcc, linux-libc-dev)")
    rows = {name: f"VHOST_{name}" for name in NAMES} | VSOCK
    source = tmp_path / "uapi.c"
    source.write_text(PROGRAM % "\n".join(f'\tprintf("{name} %x\\n", (unsigned){macro});'
                                          for name, macro in rows.items()))
    subprocess.run([compiler, "-o", str(tmp_path / "uapi"), str(source)], check=True)
    told = subprocess.run([str(tmp_path / "uapi")], capture_output=True, text=True, check=True).stdout

    regions = [uapi.Region(1, 2, 3), uapi.Region(4, 5, 6)]
    ours = {name: f"{getattr(uapi, name):x}" for name in rows} | {
        "state": uapi.state(1, 0x12345).hex(), "file": uapi.file(1, uapi.NO_FILE).hex(),
        "addresses": uapi.addresses(1, 0x1111, 0x3333, 0x2222, flags=uapi.LOG_ADDR, log=0x4444).hex(),
        "memory": uapi.memory(regions).hex()}
    assert ours == dict(line.split() for line in told.splitlines())
