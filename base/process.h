/*
 * process.h -- programs we start: close-on-exec, scrubbed environment, waited.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct scope;

/* Descriptors of the caller's are above 2. */
struct process_opts {
	const char *const *env; /* NULL: only PATH, HOME, LANG and TZ */
	int stdin_fd;		/* 0: /dev/null */
	int stdout_fd;		/* 0: /dev/null */
	int stderr_fd;		/* 0: ours */
};

/*
 * Where the process was started without stdin, stdout or stderr, /dev/null
 * takes their numbers: a file of ours that got one of them would be written
 * into by what is meant for people.  Writing to it fails, as before.
 */
void process_fill_stdio(void);

/*
 * When a process started, in clock ticks since boot, which tells it from a
 * later one of the same pid; 0 when there is none, or only its exit status.
 */
int64_t process_started(pid_t);

#define PROCESS_ID_SIZE 128

/*
 * Which process this is, for a note that outlives it: boot, pid namespace,
 * pid and start.
 */
void process_id(char out[PROCESS_ID_SIZE]);

/*
 * Whether the process of such a note has certainly ended.  Of another boot or
 * namespace (another host or container may share the note) nothing is known:
 * false.
 */
bool process_id_gone(const char *id);

/*
 * argv[0] is looked up in PATH.  The child leads a process group of its own,
 * with every signal unblocked and at its default: what a terminal sends to
 * ours is not meant for it.
 */
int process_start(pid_t *, const char *const argv[],
    const struct process_opts *, struct err *);

/* The exit status, or 128 + the signal; the scope's end leaves it running. */
int process_wait(pid_t, const struct scope *, int *status, struct err *);

/*
 * SIGTERM to its group, SIGKILL after grace_ms or to what it left behind, and
 * reaps it; it stays a zombie when the system holds it for 5 s even so.
 */
void process_stop(pid_t, const struct scope *, int grace_ms);

#endif
