/*
 * store_arg.h -- which of the job's two stores a command looks into, and for
 * which snapshot.
 */
#ifndef AGENT_CMD_STORE_ARG_H
#define AGENT_CMD_STORE_ARG_H

#include "agent/cmd/cmd.h"

struct manifest;
struct store;

/* The row for a command's flags. */
#define STORE_ARG_FLAG \
	{ \
		"in", "REGION", \
		    "'source' or 'dr'; default: dr when a DR " \
		    "store is set, else source" \
	}

struct store *store_arg(struct cmd_call *, struct err *);

/* The one that the first argument names, else the newest verified one, to be
 * freed; and the store that it is in. */
struct manifest *snapshot_arg(struct cmd_call *, struct store **, struct err *);

/* Whether an argument that may name a snapshot names a file: one that exists,
 * or anything with a '/'. */
bool arg_is_file(const char *);

#endif
