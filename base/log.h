/*
 * log.h -- one line an event, with keys, to stderr or the journal.
 *
 *	struct log_line l;
 *	log_begin(&l, LOG_INFO, "blob committed");
 *	log_str(&l, "blob", name);
 *	log_int(&l, "bytes", n);
 *	log_end(&l);
 *
 * Values pass through redact(); a value that is known to be secret does not
 * belong here at all.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct cJSON;
struct err;

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_line {
	bool on;	      /* this level is shown at all */
	struct cJSON *fields; /* as JSON, else NULL */
	struct buf text;
};

/* Once, at the start: the rest of the process only reads it. */
void log_setup(enum log_level, bool json, int fd);
bool log_on(enum log_level);

void log_begin(struct log_line *, enum log_level, const char *event);
void log_str(struct log_line *, const char *key, const char *value);
void log_int(struct log_line *, const char *key, int64_t value);
void log_err(struct log_line *, const struct err *); /* kind, code, text */
void log_end(struct log_line *); /* one write(2), and released */

#endif
