/*
 * resp_command.h -- reads commands as a server does: arrays of bulk strings,
 * and the inline form of old replicas (a line of words).
 */
#ifndef RDB_RESP_COMMAND_H
#define RDB_RESP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define RESP_COMMAND_ARGS_MAX 16
#define RESP_COMMAND_ARG_MAX  4096

struct resp_arg {
	const char *data; /* into the input */
	size_t len;
};

struct resp_command {
	struct resp_arg args[RESP_COMMAND_ARGS_MAX];
	size_t n; /* 0: an empty line, a keepalive */
};

/*
 * 1: a command, of taken bytes; 0: more bytes are needed; -1: ERR_CORRUPT, it
 * is none or over a ceiling.
 */
int resp_command_parse(const char *in, size_t len, struct resp_command *,
    size_t *taken, struct err *);

/* Whether argument i is this word, in any case. */
bool resp_command_is(const struct resp_command *, size_t i, const char *word);

#endif
