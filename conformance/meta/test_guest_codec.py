# SPDX-License-Identifier: BSD-3-Clause
"""Frames between harness and agent: both halves, held against each other and against broken streams."""

from __future__ import annotations

import ctypes
import re
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpmsg_cts.guest.agent import Request
from rpmsg_cts.guest.frame import PAYLOAD_MAX_BYTES, Decoder, Frame, Trouble, encode
from rpmsg_cts.guest.paths import FIXTURES, build_folder

SOURCES = FIXTURES / "guest"
EVENTS = [None, "good", Trouble.GARBAGE, Trouble.BAD_VERSION, Trouble.TOO_LONG, Trouble.BAD_CRC]
# More than sizeof(struct frame_decoder), which nobody outside the C source needs to know.
DECODER_ROOM_BYTES = PAYLOAD_MAX_BYTES + 4096


class CFrame(ctypes.Structure):
    """struct frame."""

    _fields_ = [("type", ctypes.c_uint16), ("id", ctypes.c_uint32), ("len_bytes", ctypes.c_uint32),
                ("payload", ctypes.POINTER(ctypes.c_uint8))]


class AgentDecoder:
    """The agent's decoder, compiled for this machine."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._lib = library
        self._state = ctypes.create_string_buffer(DECODER_ROOM_BYTES)
        self._lib.frame_decoder_reset(self._state)

    def feed(self, data: bytes) -> list[Frame | Trouble]:
        """As Decoder.feed()."""
        found: list[Frame | Trouble] = []
        while True:
            taken = self._lib.frame_decoder_put(self._state, data, ctypes.c_size_t(len(data)))
            data = data[taken:]
            found += self.drain()
            if not data:
                return found

    def drain(self) -> list[Frame | Trouble]:
        """What is complete now."""
        found: list[Frame | Trouble] = []
        frame = CFrame()
        while (event := EVENTS[self._lib.frame_decoder_next(self._state, ctypes.byref(frame))]) is not None:
            if event == "good":
                found.append(Frame(frame.type, frame.id, ctypes.string_at(frame.payload, frame.len_bytes)))
            else:
                found.append(event)
        return found

    def give_up(self) -> list[Frame | Trouble]:
        """Stop waiting for the rest of a frame."""
        self._lib.frame_decoder_give_up(self._state)
        return self.drain()


@pytest.fixture(scope="session")
def agent_codec() -> ctypes.CDLL:
    """The agent's own sources as a library of this machine."""
    target = build_folder() / "guest" / "libframe.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fPIC", "-shared", "-o", str(target),
               "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    subprocess.run([*command, str(SOURCES / "frame.c"), str(SOURCES / "wire.c")], check=True)
    library = ctypes.CDLL(str(target))
    library.frame_decoder_put.restype = ctypes.c_size_t
    library.frame_encode.restype = ctypes.c_size_t
    library.frame_crc32.restype = ctypes.c_uint32
    return library


@pytest.fixture(params=["harness", "agent"])
def decoder(request: pytest.FixtureRequest, agent_codec: ctypes.CDLL) -> Decoder | AgentDecoder:
    """Each of the two halves."""
    return Decoder() if request.param == "harness" else AgentDecoder(agent_codec)


def test_a_frame_arrives(decoder: Decoder | AgentDecoder) -> None:
    frame = Frame(3, 7, b"payload")

    assert decoder.feed(encode(frame)) == [frame]


@pytest.mark.parametrize("size", [0, 1, PAYLOAD_MAX_BYTES - 1, PAYLOAD_MAX_BYTES])
def test_any_allowed_length_arrives(decoder: Decoder | AgentDecoder, size: int) -> None:
    frame = Frame(1, 0xFFFFFFFF, b"\x5a" * size)

    assert decoder.feed(encode(frame)) == [frame]


def test_a_frame_that_is_too_long_is_not_made() -> None:
    with pytest.raises(ValueError, match="longer than"):
        encode(Frame(1, 1, bytes(PAYLOAD_MAX_BYTES + 1)))


def test_a_frame_may_come_byte_by_byte(decoder: Decoder | AgentDecoder) -> None:
    frame = Frame(3, 7, b"payload")

    found = [item for byte in encode(frame) for item in decoder.feed(bytes([byte]))]

    assert found == [frame]


def test_a_wrong_checksum_is_noticed_and_the_next_frame_found(decoder: Decoder | AgentDecoder) -> None:
    broken = bytearray(encode(Frame(3, 7, b"payload")))
    broken[-1] ^= 1
    good = Frame(4, 8, b"next")

    assert decoder.feed(bytes(broken) + encode(good)) == [Trouble.BAD_CRC, good]


def test_a_wrong_length_does_not_swallow_the_next_frame_for_ever(agent_codec: ctypes.CDLL) -> None:
    """The agent waits for the bytes that were promised, and gives up when they do not come."""
    decoder = AgentDecoder(agent_codec)
    broken = bytearray(encode(Frame(3, 7, b"payload")))
    broken[12:16] = (1000).to_bytes(4, "little")
    good = Frame(4, 8, b"next")

    assert decoder.feed(bytes(broken) + encode(good)) == []
    assert good in decoder.give_up()


@pytest.mark.parametrize("length", [PAYLOAD_MAX_BYTES + 1, 0x7FFFFFFF, 0xFFFFFFFF], ids=hex)
def test_an_absurd_length_is_refused_at_once(decoder: Decoder | AgentDecoder, length: int) -> None:
    broken = bytearray(encode(Frame(3, 7, b"")))
    broken[12:16] = length.to_bytes(4, "little")
    good = Frame(4, 8, b"next")

    assert decoder.feed(bytes(broken) + encode(good)) == [Trouble.TOO_LONG, good]


def test_another_version_is_refused(decoder: Decoder | AgentDecoder) -> None:
    other = bytearray(encode(Frame(3, 7, b"")))
    other[4] = 2

    assert decoder.feed(bytes(other)) == [Trouble.BAD_VERSION]


def test_garbage_is_skipped(decoder: Decoder | AgentDecoder) -> None:
    good = Frame(4, 8, b"next")

    assert decoder.feed(b"login: RCT" + encode(good)) == [Trouble.GARBAGE, good]


def test_half_a_magic_waits_for_the_other_half(decoder: Decoder | AgentDecoder) -> None:
    data = encode(Frame(4, 8, b"next"))

    assert decoder.feed(b"xx" + data[:3]) == [Trouble.GARBAGE]
    assert decoder.feed(data[3:]) == [Frame(4, 8, b"next")]


frames = st.builds(Frame, st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=300))
chunks = st.lists(st.one_of(frames.map(encode), st.binary(max_size=40), st.just(b"RCTS")), max_size=8)


@settings(max_examples=200)
@given(parts=chunks, cut=st.integers(1, 64))
def test_both_halves_find_the_same(agent_codec: ctypes.CDLL, parts: list[bytes], cut: int) -> None:
    """Two readings of one layout; how the stream is cut must not matter to either, save where rubbish begins."""
    stream = b"".join(parts)
    pieces = [stream[start : start + cut] for start in range(0, len(stream), cut)]
    harness, agent = Decoder(), AgentDecoder(agent_codec)

    found = [[item for piece in pieces for item in decoder.feed(piece)] for decoder in (harness, agent)]

    assert found[0] == found[1]


@settings(max_examples=200)
@given(frame=frames, at=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_no_damaged_frame_is_taken(agent_codec: ctypes.CDLL, frame: Frame, at: int, flip: int) -> None:
    """One wrong byte, wherever it is: that frame does not arrive, neither as it was nor as another."""
    damaged = bytearray(encode(frame))
    damaged[at % len(damaged)] ^= flip

    for decoder in (Decoder(), AgentDecoder(agent_codec)):
        assert not [item for item in decoder.feed(bytes(damaged)) if isinstance(item, Frame)]


@given(frame=frames)
def test_the_agent_writes_what_the_harness_reads(agent_codec: ctypes.CDLL, frame: Frame) -> None:
    out = ctypes.create_string_buffer(PAYLOAD_MAX_BYTES + 64)
    payload = (ctypes.c_uint8 * len(frame.payload)).from_buffer_copy(frame.payload)
    given_frame = CFrame(frame.type, frame.id, len(frame.payload), payload)

    count = agent_codec.frame_encode(out, ctypes.byref(given_frame))

    assert out.raw[:count] == encode(frame)


@given(data=st.binary(max_size=200))
def test_the_checksum_is_that_of_zlib(agent_codec: ctypes.CDLL, data: bytes) -> None:
    assert agent_codec.frame_crc32(data, ctypes.c_size_t(len(data))) == zlib.crc32(data)


def test_both_halves_know_the_same_requests() -> None:
    listed = re.findall(r"^REQUEST\((\d+), (\w+)\)", Path(SOURCES / "requests.def").read_text(encoding="utf-8"), re.M)

    assert [(int(number), name) for number, name in listed] == [(item.value, item.name.lower()) for item in Request]
