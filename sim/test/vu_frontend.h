/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user frontend for tests: plain sockets and a memfd, in the same
 * thread as the back end, which is served between question and answer.
 */
#ifndef RPS_TEST_VU_FRONTEND_H
#define RPS_TEST_VU_FRONTEND_H

#include <rps/vhost_user.h>
#include <rps/xport.h>

#include "../xport/vhost_user_proto.h"

#define VUF_MEM_BYTES  0x200000u
#define VUF_GUEST_BASE 0x40000000ull
#define VUF_USER_BASE  0x7f0012340000ull
#define VUF_RING_NUM   256u
/* Distance of rings: 16 KiB hold one of 256 entries on 4 KiB. */
#define VUF_RING_BYTES 0x4000u
#define VUF_FDS_MAX    12u

struct vu_frontend {
	struct rps_vu *vu;
	int sock;
	int mem_fd;
	uint8_t *mem; /* VUF_MEM_BYTES */
	int kick[RPS_NUM_QUEUES];
	int call[RPS_NUM_QUEUES]; /* the end that we read */
	int channel;              /* our end of the back-end channel */
	bool ack; /* ask for an acknowledgement, and expect it */
};

/* A message, well formed or not. */
struct vuf_msg {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	union vhost_user_payload payload;
	int fd[VUF_FDS_MAX];
	unsigned int num_fds;
};

/* The socket of this process's back end. */
void vuf_path(char *path, size_t size);

/* A back end with the usual offer, listening on a path of its own. */
struct rps_vu *vuf_backend(void);

/* The same with @config; its path is filled in. */
struct rps_vu *vuf_backend_with(struct rps_vu_config *config);

/* Serve until nothing is pending; fails the test if that takes too long. */
void vuf_pump(struct rps_vu *vu);

/* A plain connection. */
int vuf_connect(void);

void vuf_open(struct vu_frontend *fe, struct rps_vu *vu);
void vuf_close(struct vu_frontend *fe);

/* Send as it is, without serving. Return: whether all bytes went. */
bool vuf_send(int sock, const struct vuf_msg *msg);
/* Return: whether a whole message was there. */
bool vuf_receive(int sock, struct vuf_msg *msg);

/* Send and serve; the acknowledgement is checked where @fe->ack. */
void vuf_tell(struct vu_frontend *fe, const struct vuf_msg *msg);
void vuf_tell_u64(struct vu_frontend *fe, uint32_t request, uint64_t value);
void vuf_tell_fd(struct vu_frontend *fe, uint32_t request, uint64_t value,
		 int fd);
void vuf_tell_state(struct vu_frontend *fe, uint32_t request,
		    unsigned int index, unsigned int num);
/* Ask something that has an answer of its own. */
uint64_t vuf_ask(struct vu_frontend *fe, uint32_t request);
uint32_t vuf_ask_base(struct vu_frontend *fe, unsigned int index);
/* With need_reply. Return: the value that came back. */
uint64_t vuf_try(struct vu_frontend *fe, struct vuf_msg msg);

/* Pieces of a start, and the whole of it. */
void vuf_negotiate(struct vu_frontend *fe, uint64_t features,
		   uint64_t protocol_features);
void vuf_open_channel(struct vu_frontend *fe);
struct vuf_msg vuf_mem_table(const struct vu_frontend *fe);
struct vuf_msg vuf_ring_addr(unsigned int index);
void vuf_set_ring(struct vu_frontend *fe, unsigned int index);
void vuf_start_like_qemu(struct vu_frontend *fe);
void vuf_stop_like_qemu(struct vu_frontend *fe);
void vuf_start_like_uml(struct vu_frontend *fe);

/* Is the connection over, as seen from here? */
bool vuf_is_closed(const struct vu_frontend *fe);
/* Raise a kick, and serve. */
void vuf_kick(struct vu_frontend *fe, unsigned int index);
/* Take one call. Return: whether there was one. */
bool vuf_called(const struct vu_frontend *fe, unsigned int index);

/* Of this process, to find leaks. */
unsigned int vuf_count_fds(void);
unsigned int vuf_count_maps(void);

#endif
