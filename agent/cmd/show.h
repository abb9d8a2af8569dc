/*
 * show.h -- numbers and rows as people read them, and the progress line.
 */
#ifndef AGENT_CMD_SHOW_H
#define AGENT_CMD_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/snapshot/progress.h"

/* Into a buffer of 32 bytes, which is the answer too. */
const char *show_bytes(uint64_t, char out[32]);	 /* "12.3 MiB" */
const char *show_count(uint64_t, char out[32]);	 /* "1,234,567" */
const char *show_ms(int64_t, char out[32]);	 /* "830 ms", "2 m 05 s" */
const char *show_time(int64_t ms, char out[32]); /* "2026-11-21 06:27:49Z" */

/* "  NAME           TEXT" on stdout, wrapped beneath the text. */
void show_row(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints the document and a newline to stdout; takes it. */
void show_json(cJSON *take);

struct progress_line;

/*
 * Shows steps on stderr: one line that is rewritten when it is a terminal,
 * nothing but the notes when it is not, nothing at all when quiet.
 */
struct progress_line *progress_line_new(bool quiet);
struct progress *progress_line_progress(struct progress_line *);

/* Takes the line away, so that the report stands alone. */
void progress_line_clear(struct progress_line *);
void progress_line_free(struct progress_line *);

#endif
