/* script_resp.h -- what a client of a scripted Redis asks for. */
#ifndef TESTS_SIM_SCRIPT_RESP_H
#define TESTS_SIM_SCRIPT_RESP_H

#include "base/buf.h"
#include "tests/sim/script_server.h"

/* The next command's words, with a blank between them, in place of what is in
 * the buffer. */
int script_read_command(struct script_conn *, struct buf *words);

/* Each command to answer, until it is -1 or the client has gone; then the
 * connection is closed. */
typedef int
script_answer_fn(struct script_conn *, void *arg, const char *words);
void
script_answer_commands(struct script_conn *c, script_answer_fn *fn, void *arg);

/* "$5\r\nvalue\r\n". */
int script_send_bulk(struct script_conn *, const char *);

#endif
