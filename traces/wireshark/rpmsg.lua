-- SPDX-License-Identifier: BSD-3-Clause
-- RPMsg over VirtIO for Wireshark: the header, and announcements of the name service.
--
--     rpmsg-cts trace pcap DIR messages.pcapng
--     tshark -X lua_script:traces/wireshark/rpmsg.lua -r messages.pcapng
--
-- Packets are of link type USER0: a header in little endian, and as much of the payload as is known.

local HEADER_BYTES, NS_BYTES, NS_ADDR = 16, 40, 53

local rpmsg = Proto("rpmsg", "RPMsg over VirtIO")
local fields = {
  src = ProtoField.uint32("rpmsg.src", "Source", base.HEX),
  dst = ProtoField.uint32("rpmsg.dst", "Destination", base.HEX),
  reserved = ProtoField.uint32("rpmsg.reserved", "Reserved", base.HEX),
  len = ProtoField.uint16("rpmsg.len", "Payload length", base.DEC),
  flags = ProtoField.uint16("rpmsg.flags", "Flags", base.HEX),
  payload = ProtoField.bytes("rpmsg.payload", "Payload"),
  ns_name = ProtoField.stringz("rpmsg.ns.name", "Service"),
  ns_addr = ProtoField.uint32("rpmsg.ns.addr", "Address", base.HEX),
  ns_flags = ProtoField.uint32("rpmsg.ns.flags", "Flags", base.HEX, { [0] = "announced", [1] = "withdrawn" }),
}
rpmsg.fields = fields

local function announcement(range, tree)
  local name = range(0, 32)
  tree:add(fields.ns_name, name)
  tree:add_le(fields.ns_addr, range(32, 4))
  tree:add_le(fields.ns_flags, range(36, 4))
  local what = range(36, 4):le_uint() == 0 and "announces" or "withdraws"
  return string.format("%s %s at 0x%x", what, name:stringz(), range(32, 4):le_uint())
end

function rpmsg.dissector(buffer, packet, root)
  if buffer:len() < HEADER_BYTES then
    return 0
  end
  local src, dst, len = buffer(0, 4):le_uint(), buffer(4, 4):le_uint(), buffer(12, 2):le_uint()
  local tree = root:add(rpmsg, buffer())
  tree:add_le(fields.src, buffer(0, 4))
  tree:add_le(fields.dst, buffer(4, 4))
  tree:add_le(fields.reserved, buffer(8, 4))
  tree:add_le(fields.len, buffer(12, 2))
  tree:add_le(fields.flags, buffer(14, 2))

  local info = string.format("0x%x -> 0x%x  %d bytes", src, dst, len)
  local known = buffer:len() - HEADER_BYTES
  if dst == NS_ADDR and known >= NS_BYTES then
    info = info .. "  " .. announcement(buffer(HEADER_BYTES, NS_BYTES), tree)
  elseif known > 0 then
    tree:add(fields.payload, buffer(HEADER_BYTES))
  end
  packet.cols.protocol = "RPMsg"
  packet.cols.info = info
  return buffer:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, rpmsg)
