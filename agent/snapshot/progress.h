/*
 * progress.h -- how far a run is, told to whoever shows it.
 */
#ifndef AGENT_SNAPSHOT_PROGRESS_H
#define AGENT_SNAPSHOT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum step {
	STEP_CHECK, /* preflight */
	STEP_SNAPSHOT,
	STEP_COPY,
	STEP_VERIFY,
	STEP_IMPORT,
	STEP_COMPARE,
	STEPS
};

const char *step_name(enum step); /* "snapshot", ... */

struct progress {
	/* From any thread, at most some ten times a second for each step;
	 * total 0 while it is unknown, and a guess when it is about. */
	void (*advance)(struct progress *, enum step, uint64_t done,
	    uint64_t total, bool about);
	/* A fact worth a line: which way was chosen and why. */
	void (*note)(struct progress *, enum step, const char *text);
};

/* All accept NULL. */
void
progress_advance(struct progress *, enum step, uint64_t done, uint64_t total);
void
progress_about(struct progress *, enum step, uint64_t done, uint64_t total);
void progress_note(struct progress *, enum step, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
