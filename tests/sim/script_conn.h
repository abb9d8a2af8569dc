/* script_conn.h -- what script_server.c and script_conn.c share. */
#ifndef TESTS_SIM_SCRIPT_CONN_H
#define TESTS_SIM_SCRIPT_CONN_H

#include <pthread.h>

#include <openssl/ssl.h>

#include "base/monitor.h"
#include "base/scope.h"
#include "tests/sim/script_server.h"

struct message;

struct script_conn {
	struct script_conn *next;
	struct script_server *server;
	pthread_t thread;
	unsigned number;
	int fd; /* -1 once closed */
	SSL *ssl;
	struct buf in;
};

struct script_server {
	struct script_server_opts opts;
	script_fn *script;
	void *arg;
	int fd, port;
	pthread_t thread;
	struct cancel *stop;
	SSL_CTX *tls;

	struct monitor monitor; /* over all below */
	struct script_conn *conns;
	unsigned nconns, permits;
	struct message *first, **last;
	size_t nrecords;
	bool failed;
	char failure[512];
};

/* The server's side: when to give up on a peer. */
struct scope script_patience(struct script_server *);

/* The connection's side. */
SSL_CTX *script_tls_new(const struct test_cert *, const char *client_ca);
int script_conn_start_tls(struct script_conn *, SSL_CTX *);

#endif
