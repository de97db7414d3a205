# SPDX-License-Identifier: BSD-3-Clause
"""Take a 32-bit Arm kernel out of its self-extracting file, so that the emulated processor need not do it.

Under TCG the guest would spend more time on unpacking itself than on starting.  The kernel is not changed: what is
loaded is byte for byte what the extractor would have put at the same address.
"""

from __future__ import annotations

import lzma
import re
import struct
import zlib

RAM_START = 0x40000000  # of QEMU's machine `virt`
TEXT_OFFSET = 0x8000  # of a kernel for that machine alone.  Source: Linux, arch/arm/Makefile
ZIMAGE_MAGIC = 0x016F2818
ZIMAGE_MAGIC_OFFSET = 0x24
XZ_MAGIC = b"\xfd7zXZ\0"

UIMAGE_MAGIC = 0x27051956
UIMAGE_OS_LINUX, UIMAGE_ARCH_ARM, UIMAGE_TYPE_KERNEL, UIMAGE_COMPRESSION_NONE = 5, 2, 2, 0


def to_uimage(zimage: bytes) -> bytes | None:
    """Kernel in the form U-Boot and QEMU load as it is, with its address.

    Return: None if the file is not of the expected kind; it can then still be started as it is.
    """
    if struct.unpack_from("<I", zimage, ZIMAGE_MAGIC_OFFSET)[0] != ZIMAGE_MAGIC:
        return None
    unpacked = _unpack(zimage)
    if unpacked is None:
        return None
    start, image = unpacked
    offset = _text_offset(zimage[:start])
    if offset is None:
        return None
    return as_uimage(image, offset)


def as_uimage(image: bytes, offset: int = TEXT_OFFSET) -> bytes:
    """A kernel that is unpacked already in the form U-Boot and QEMU load as it is; `offset` from the start of memory."""
    address = RAM_START + offset

    def header(own_checksum: int) -> bytes:
        kinds = (UIMAGE_OS_LINUX, UIMAGE_ARCH_ARM, UIMAGE_TYPE_KERNEL, UIMAGE_COMPRESSION_NONE)
        sums = (zlib.crc32(image), *kinds)
        return struct.pack(">7I4B32s", UIMAGE_MAGIC, own_checksum, 0, len(image), address, address, *sums, b"linux")

    return header(zlib.crc32(header(0))) + image


def _unpack(zimage: bytes) -> tuple[int, bytes] | None:
    """Return: where the compressed kernel begins, and the kernel.  The extractor holds the same magic as a constant."""
    for found in re.finditer(re.escape(XZ_MAGIC), zimage):
        try:
            unpacker = lzma.LZMADecompressor()
            image = unpacker.decompress(zimage[found.start() :])
        except lzma.LZMAError:
            continue
        if unpacker.eof:
            return found.start(), image
    return None


def _text_offset(extractor: bytes) -> int | None:
    """Distance of the kernel from the start of memory, which its extractor adds: `add r4, r0, #offset` or `r4, r4`."""
    words = struct.unpack_from(f"<{len(extractor) // 4}I", extractor)
    offsets = set()
    for word in words:
        if word & 0xFFFFF000 not in (0xE2804000, 0xE2844000):
            continue
        value, rotation = word & 0xFF, (word >> 8 & 0xF) * 2
        offset = (value >> rotation | value << (32 - rotation)) & 0xFFFFFFFF
        if offset and offset & 0x7FFF == 0 and offset < 0x1000000:
            offsets.add(offset)
    return offsets.pop() if len(offsets) == 1 else None
