/*
 * redis_socket.h -- bytes to and from one peer: TCP, TLS or a unix socket.
 *
 * The socket is non-blocking; every wait ends with the scope.
 */
#ifndef RDB_REDIS_SOCKET_H
#define RDB_REDIS_SOCKET_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct redis_address;
struct redis_socket;
struct redis_tls_opts;
struct scope;
struct tls_stream;

/*
 * Tries every address of the host in turn, each with its share of the time
 * that the scope leaves.  ERR_UNREACHABLE when none answers; else as
 * tls_stream.h says.  Names are resolved by getaddrinfo(), which does not hear
 * the scope: it can outlast a deadline by the resolver's own timeouts.
 * Numeric addresses never wait.
 */
struct redis_socket *redis_socket_open(const struct redis_address *,
    const struct redis_tls_opts *, const struct scope *, struct err *);

/* Takes a connected, non-blocking socket; plain until TLS is started. */
struct redis_socket *redis_socket_new(int fd);
void redis_socket_free(struct redis_socket *);

/* Takes the stream, which is over redis_socket_fd(), and shakes hands; after a
 * failure the socket is only good to be freed. */
int redis_socket_start_tls(struct redis_socket *, struct tls_stream *,
    const struct scope *, struct err *);

int redis_socket_fd(const struct redis_socket *);

/* From now on, no byte either way for so long is ERR_TRANSIENT; 0: never. */
void redis_socket_set_stall(struct redis_socket *, int64_t stall_ms);

/*
 * For a stream that comes fast: a wait for bytes ends when so many are there
 * (SO_RCVLOWAT), or after a moment when at least one is; so neither we nor the
 * peer are woken for each packet.  0: for any byte, as at first.
 */
void redis_socket_set_batch(struct redis_socket *, int bytes);

/*
 * Called when a write has to wait, then and whenever bytes came meanwhile: it
 * takes them with redis_socket_try_read() until there are none.  -1 ends the
 * write.
 */
typedef int redis_socket_hear_fn(void *arg, struct err *);
void
redis_socket_set_hear(struct redis_socket *, redis_socket_hear_fn *, void *arg);

/*
 * At least one byte; *got is 0 at the peer's end.  ERR_UNREACHABLE past the
 * scope's deadline, ERR_TRANSIENT for a connection that broke or stalled.  No
 * byte is lost when waiting fails.
 */
int redis_socket_read(struct redis_socket *, const struct scope *, void *,
    size_t, size_t *got, struct err *);

/* 1: as redis_socket_read() would succeed; 0: it would have to wait. */
int redis_socket_try_read(
    struct redis_socket *, void *, size_t, size_t *got, struct err *);

/* All or an unknown part: after a failure nothing more can be written. */
int redis_socket_write(struct redis_socket *, const struct scope *,
    const void *, size_t, struct err *);

/* Numeric, "" for a unix socket. */
int
redis_socket_local_ip(const struct redis_socket *, char out[64], struct err *);
int
redis_socket_peer_ip(const struct redis_socket *, char out[64], struct err *);

#endif
