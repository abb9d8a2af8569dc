/*
 * cmd.h -- a command is a file and a row of the table.
 *
 * Commands parse, call what does the work, and print; nothing is decided
 * here.  The answer is one JSON document on stdout with --json, else text
 * for people; progress goes to stderr.
 */
#ifndef AGENT_CMD_CMD_H
#define AGENT_CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "agent/job/options.h"

struct agent;
struct cmd_call;
struct err;
struct progress_line;
struct scope;
struct settings;

/* A flag that belongs to one command and is no setting. */
struct cmd_flag {
	const char *name; /* without the dashes */
	const char *arg;  /* NULL: it takes none */
	const char *help;
};

#define CMD_FLAGS_MAX 8
#define CMD_ARGS_MAX  2

struct cmd {
	const char *name;
	const char *args; /* "[SNAPSHOT]", for usage; "" for none */
	int least_args, most_args;
	const char *summary; /* one line, no full stop */
	const char *text;    /* paragraphs for --help and the man page */
	const struct cmd_flag *flags; /* ended by a NULL name; or NULL */
	const enum option *options;   /* ended by OPTIONS; or NULL */
	int (*run)(struct cmd_call *, struct err *);
};

extern const struct cmd *const cmds[]; /* ended by NULL */

/* The flags that every command takes. */
extern const struct cmd_flag cmd_common_flags[]; /* ended by a NULL name */

/* One call of a command. */
struct cmd_call {
	const struct cmd *cmd;
	const struct scope *scope;
	struct settings *settings;
	struct agent *agent;
	struct progress_line *line;
	bool told; /* the JSON document that was printed tells of the failure */
	const char *config; /* --config; NULL: not given */
	const char *job;    /* never NULL: --job, or "default" */
	bool job_given;
	bool json, quiet;
	const char *args[CMD_ARGS_MAX];
	int nargs;
	const char *flag_values[CMD_FLAGS_MAX]; /* by row; NULL: not given */
};

/* NULL: not given; "" for a flag without a value. */
const char *cmd_flag(const struct cmd_call *, const char *name);

/* Find, parse, run, and tell what failed: the exit status of the process. */
int cmd_main(int argc, char **argv);

#endif
