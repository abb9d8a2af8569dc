/*
 * peer.h -- a server that says what it is told to, whatever it is asked.
 *
 * It listens on a unix socket.  Who connects first is sent the first part, and
 * so on, and then the end: what a client makes of it ends by itself.
 */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include <stddef.h>
#include <stdint.h>

#define PEER_PARTS_MAX 2

/* What a socket takes while nobody reads it, whatever else goes on. */
#define PEER_BYTES_MAX ((size_t)64 << 10)

struct peer_part {
	const uint8_t *data;
	size_t len; /* at most PEER_BYTES_MAX */
};

struct peer;

/* The bytes are borrowed. */
struct peer *peer_start(const struct peer_part *, size_t n);
const char *peer_path(const struct peer *);
void peer_stop(struct peer *);

#endif
