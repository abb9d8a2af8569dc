/*
 * azure_rig.h -- the Azure driver and a server that answers, resets, stalls
 * and cuts, request by request, as a test lists.
 *
 * Time is a fake clock's: retries sleep nothing.  The store's URL is
 * http://127.0.0.1:PORT/acct/cont/pre%20fix, its right the key below.
 */
#ifndef TESTS_SIM_AZURE_RIG_H
#define TESTS_SIM_AZURE_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/scope.h"
#include "storage/store.h"
#include "storage/store_open.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/script_server.h"

#define AZURE_RIG_KEY "c2VjcmV0LWtleS1vZi10aGUtdGVzdA=="
#define SAS	      "sv=2025-11-05&sp=rw&sig=c2VjcmV0c2ln%3D"
#define TOKEN	      "secret-token"

#define REQUEST_ID "x-ms-request-id: 01234567-89ab\r\n"
#define CODE(code) REQUEST_ID "x-ms-error-code: " code "\r\n"
#define CREATED	   "ETag: \"0x2\"\r\n"

enum how { ANSWER, RESET, STALL, CUT };

/* What the server does with one request; after the last step it is over. */
struct azure_step {
	int status;
	const char *headers;
	const char *body;
	enum how how;
};

struct azure_rig {
	const struct azure_step *steps;
	size_t nsteps;
	atomic_size_t next;
	struct script_server *server;
	struct http *http;
	struct fake_clock clock;
	struct scope scope;
	struct store *store;
	struct err err;
};

#define AZURE_ABSENT \
	{ \
		404, CODE("BlobNotFound"), NULL, ANSWER \
	}
#define AZURE_EXISTS \
	{ \
		409, CODE("BlobAlreadyExists"), NULL, ANSWER \
	}
#define AZURE_BUSY \
	{ \
		503, CODE("ServerBusy"), NULL, ANSWER \
	}
#define AZURE_LOST \
	{ \
		.how = RESET \
	}
#define AZURE_DONE \
	{ \
		201, CREATED, NULL, ANSWER \
	}

void azure_rig_up(struct azure_rig *, const struct azure_step *, size_t n);
#define RIG(r, steps) azure_rig_up(r, steps, sizeof(steps) / sizeof(*(steps)))

/* Every step was taken, and the last error holds no secret. */
void azure_rig_down(struct azure_rig *);

/* Another store on the same place, by another right. */
void azure_rig_reopen(struct azure_rig *, struct store_opts);

/* Of a call's result and r->err. */
void azure_rig_ok(struct azure_rig *, int rc);
void
azure_rig_fails(struct azure_rig *, int rc, enum err_kind, const char *says);

/* Request i, head and body, held that text. */
bool azure_rig_has_sent(struct azure_rig *, size_t i, const char *text);
void azure_rig_sent(struct azure_rig *, size_t i, const char *text);

/* The value of a header of request i, to be freed. */
char *azure_rig_header(struct azure_rig *, size_t i, const char *name);

extern const struct block_id azure_rig_ids[2];

/* "hello" as the first block of "a+b/\xc3\xa9?#%". */
int azure_rig_stage(struct azure_rig *);

/* Both blocks as "blob", only where there is none. */
int azure_rig_commit(struct azure_rig *);

/* Of "blob". */
int azure_rig_stat(struct azure_rig *);

#endif
