/* cmd_parse.h -- the command line, against the tables. */
#ifndef AGENT_CMD_CMD_PARSE_H
#define AGENT_CMD_CMD_PARSE_H

#include "agent/cmd/cmd.h"

/* A setting given on the command line. */
struct cmd_setting {
	enum option option;
	const char *value;
};

#define CMD_SETTINGS_MAX 64

struct cmd_line {
	struct cmd_call call; /* but for scope, settings and agent */
	struct cmd_setting settings[CMD_SETTINGS_MAX];
	int nsettings;
	bool help;
};

/* NULL and ERR_USAGE with the nearest name when there is no such command. */
const struct cmd *cmd_find(const char *name, struct err *);

/* What follows the command's name.  Values point into argv. */
int cmd_parse(
    const struct cmd *, int argc, char **argv, struct cmd_line *, struct err *);

#endif
