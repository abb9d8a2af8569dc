/*
 * err.h -- what went wrong: a kind that code acts on, a text people read.
 *
 * A caller passes a struct err down; whoever detects the failure fills it
 * with err_set() or err_sys(), each layer on the way up may add where it
 * happened with err_in(), and only a command or the daemon's job loop prints
 * it.  All three return -1, so failing is one line: return err_set(...).  They
 * leave no control character in the text.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
	ERR_NONE,
	ERR_USAGE,	 /* the command line or the configuration is wrong */
	ERR_SYSTEM,	 /* the operating system refused; the text has why */
	ERR_SERVER,	 /* the service answered with an error of its own */
	ERR_TRANSIENT,	 /* the same call may well succeed later */
	ERR_AUTH,	 /* credentials missing, expired, or not enough */
	ERR_CONFLICT,	 /* somebody else holds or has changed the thing */
	ERR_MISSING,	 /* it is not there */
	ERR_CORRUPT,	 /* the bytes are not what they claim to be */
	ERR_REFUSED,	 /* our guard said no; the text says how to allow it */
	ERR_LOCKED,	 /* another run holds the job */
	ERR_UNREACHABLE, /* no answer before the deadline */
	ERR_CANCELLED,	 /* the scope was cancelled */
	ERR_UNSUPPORTED, /* the peer cannot do this; another way may exist */
};

struct err {
	enum err_kind kind;
	int status;	     /* HTTP status, 0 when there was none */
	int retry_after_ms;  /* what the service asked for, else 0 */
	char code[64];	     /* the service's own code, "BlobNotFound" */
	char request_id[64]; /* apart, so that a long text cannot cut it */
	char text[512];	     /* cut short, not allocated: OOM must print */
};

#define ERR_FMT(f, a) __attribute__((format(printf, f, a)))

int err_set(struct err *, enum err_kind, const char *fmt, ...) ERR_FMT(3, 4);
int err_sys(struct err *, const char *fmt, ...) ERR_FMT(2, 3);
int err_in(struct err *, const char *fmt, ...) ERR_FMT(2, 3);

/* "auth", "corrupt": for logs and JSON. */
const char *err_kind_name(enum err_kind);

/* What a command that failed so exits with: never 0. */
int err_exit_status(enum err_kind);

#endif
