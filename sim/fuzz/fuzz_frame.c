/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guest agent's frames: a stream in one piece and the same stream in
 * pieces hold the same frames, and what is good encodes to itself.
 *
 * Input: a byte (bit 0: frames are made of the rest, so that checksums are
 * right as a rule; else it is the stream), the length of the pieces, the rest.
 */
#include "../../fixtures/guest/frame.h"
#include "../../fixtures/guest/wire.h"

#include <string.h>

#include "fuzz.h"

#define STREAM_MAX 8192u
#define FRAMES_MAX 64u

struct stream {
	uint8_t bytes[STREAM_MAX];
	size_t len_bytes;
};

/* What was found in a stream. */
struct finds {
	unsigned int count;
	uint32_t crc[FRAMES_MAX]; /* of each good frame, as a whole */
};

static void make_frame(struct stream *out, struct fuzz_input *in)
{
	uint8_t payload[UINT8_MAX];
	struct frame frame = { .payload = payload };
	uint8_t damage;
	size_t len;

	frame.type = fuzz_u16(in);
	frame.id = fuzz_u32(in);
	damage = fuzz_u8(in);
	frame.len_bytes = fuzz_u8(in);
	frame.len_bytes = (uint32_t)fuzz_bytes(in, payload, frame.len_bytes);
	len = frame_encode(out->bytes + out->len_bytes, &frame);
	fuzz_require(len ==
		     FRAME_HEADER_BYTES + frame.len_bytes + FRAME_CRC_BYTES);
	if (damage)
		out->bytes[out->len_bytes + damage % len] ^= damage;
	out->len_bytes += len;
}

static void make_stream(struct stream *out, bool frames, struct fuzz_input *in)
{
	const size_t longest = FRAME_HEADER_BYTES + UINT8_MAX + FRAME_CRC_BYTES;

	out->len_bytes = 0;
	if (!frames)
		out->len_bytes = fuzz_bytes(in, out->bytes, STREAM_MAX);
	while (in->left_bytes > 0 && out->len_bytes + longest <= STREAM_MAX)
		make_frame(out, in);
}

/* Read the payload as a request is read: none of it lies outside. */
static void read_payload(const struct frame *frame)
{
	struct wire_reader reader;
	struct wire_bytes bytes;
	char text[32];

	wire_reader_init(&reader, frame->payload, frame->len_bytes);
	wire_get_u16(&reader);
	wire_get_string(&reader, text, sizeof(text));
	fuzz_require(memchr(text, 0, sizeof(text)) != NULL);
	bytes = wire_get_bytes(&reader);
	fuzz_require(bytes.len_bytes <= frame->len_bytes);
	for (uint32_t i = 0; i < bytes.len_bytes; i++)
		fuzz_require(bytes.bytes + i <
			     frame->payload + frame->len_bytes);
	wire_get_u64(&reader);
	wire_reader_done(&reader);
}

static void note(struct finds *finds, const struct frame *frame)
{
	static uint8_t whole[FRAME_MAX_BYTES];
	size_t len = frame_encode(whole, frame);

	fuzz_require(memcmp(whole, frame->payload - FRAME_HEADER_BYTES, len) ==
		     0);
	read_payload(frame);
	if (finds->count < FRAMES_MAX)
		finds->crc[finds->count] = frame_crc32(whole, len);
	finds->count++;
}

static void decode(const struct stream *stream, size_t piece,
		   struct finds *finds)
{
	static struct frame_decoder decoder;
	struct frame frame = { 0 };
	size_t at = 0;
	unsigned int events = 0;
	enum frame_event event;

	memset(finds, 0, sizeof(*finds));
	frame_decoder_reset(&decoder);
	while (at < stream->len_bytes) {
		size_t left = stream->len_bytes - at;
		size_t took = frame_decoder_put(&decoder, stream->bytes + at,
						left < piece ? left : piece);

		fuzz_require(took > 0);
		at += took;
		while ((event = frame_decoder_next(&decoder, &frame)) !=
		       FRAME_INCOMPLETE) {
			/* Each one takes a byte or more. */
			fuzz_require(++events <= 2 * STREAM_MAX);
			if (event == FRAME_GOOD)
				note(finds, &frame);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct stream stream;
	static struct finds whole, pieces;
	struct fuzz_input in = { data, len_bytes };
	bool frames = fuzz_u8(&in) & 1;
	size_t piece = fuzz_u8(&in) + (size_t)1;

	make_stream(&stream, frames, &in);
	decode(&stream, STREAM_MAX, &whole);
	decode(&stream, piece, &pieces);
	fuzz_require(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	return 0;
}
