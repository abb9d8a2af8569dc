/*
 * cmd_help.h -- help, man page and completions, from the same tables.
 */
#ifndef AGENT_CMD_CMD_HELP_H
#define AGENT_CMD_CMD_HELP_H

#include <stdbool.h>
#include <stdio.h>

struct cmd;
struct err;

void cmd_help_all(FILE *);
void cmd_help(const struct cmd *);
void cmd_man(FILE *);	     /* mdoc(7) */
void cmd_completion(FILE *); /* for bash */

/*
 * Whether the command line asks for help and no command: "help [COMMAND]",
 * "--help", "--version", "--man" (the page's source), "--completion SHELL".
 * It is printed then, and *rc is 0, or -1 with err filled.
 */
bool cmd_help_wanted(int argc, char **argv, int *rc, struct err *);

#endif
