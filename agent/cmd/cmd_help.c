#include <string.h>

#include "base/err.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/cmd_help.h"
#include "agent/cmd/cmd_parse.h"
#include "agent/cmd/wrap.h"

#define HELP_COLUMN 28

static void
print_flag(FILE *out, const char *name, const char *arg, const char *help,
    const char *fallback)
{
	int at = fprintf(out, "  --%s%s%s", name, arg != NULL ? " " : "",
	    arg != NULL ? arg : "");
	char text[400];

	if (at >= HELP_COLUMN) {
		fputc('\n', out);
		at = 0;
	}
	fprintf(out, "%*s", HELP_COLUMN - at, "");
	if (fallback != NULL)
		snprintf(
		    text, sizeof(text), "%s (default: %s)", help, fallback);
	else
		snprintf(text, sizeof(text), "%s", help);
	wrap_print(out, text, HELP_COLUMN, HELP_COLUMN);
}

static void
print_option(FILE *out, enum option o)
{
	const struct option_row *row = &options[o];

	print_flag(out, row->flag, row->arg, row->help, row->fallback);
}

static void
print_flags(FILE *out, const struct cmd_flag *flags)
{
	for (; flags != NULL && flags->name != NULL; flags++)
		print_flag(out, flags->name, flags->arg, flags->help, NULL);
}

void
cmd_help_all(FILE *out)
{
	fputs("drsync keeps a second region ready: it copies a Redis to a DR "
	      "region, and proves it.\n\n"
	      "usage: drsync COMMAND [OPTION...]\n\ncommands:\n",
	    out);
	for (size_t i = 0; cmds[i] != NULL; i++)
		fprintf(out, "  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs("\n'drsync COMMAND --help' tells what a command takes, "
	      "'man drsync' all of it.\n"
	      "Exit status: 0 done, 1 failed, 2 usage or configuration, 3 "
	      "refused by a guard,\n4 verification failed, 5 locked, 6 "
	      "authentication, 7 unreachable in time,\n130 interrupted.\n",
	    out);
}

void
cmd_help(const struct cmd *cmd)
{
	FILE *out = stdout;

	fprintf(out, "usage: drsync %s [OPTION...]%s%s\n\n", cmd->name,
	    cmd->args[0] != '\0' ? " " : "", cmd->args);
	wrap_print(out, cmd->text, 0, 0);
	if (cmd->flags != NULL && cmd->flags[0].name != NULL) {
		fputs("\noptions of this command:\n", out);
		print_flags(out, cmd->flags);
	}
	if (cmd->options != NULL) {
		fputs("\nsettings of the job:\n", out);
		for (const enum option *o = cmd->options; *o != OPTIONS; o++)
			print_option(out, *o);
	}
	fputs("\nof every command:\n", out);
	print_flags(out, cmd_common_flags);
	for (int o = 0; o < OPTIONS; o++)
		if (options[o].global)
			print_option(out, (enum option)o);
	fputs("\nREF is env:NAME, file:PATH or keyvault:URL, the URL being "
	      "https://VAULT.\nvault.azure.net/secrets/NAME: secrets are never "
	      "given on the command line.\nEach setting can also stand in the "
	      "configuration or in the environment\n(DRSYNC_SOURCE_REDIS and "
	      "so on; see 'drsync config show').\n",
	    out);
}

bool
cmd_help_wanted(int argc, char **argv, int *rc, struct err *err)
{
	const char *word = argv[1];
	const struct cmd *cmd;

	*rc = 0;
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    (strcmp(word, "help") == 0 && argc == 2)) {
		cmd_help_all(stdout);
	} else if (strcmp(word, "help") == 0) {
		cmd = cmd_find(argv[2], err);
		if (cmd != NULL)
			cmd_help(cmd);
		else
			*rc = -1;
	} else if (strcmp(word, "--version") == 0) {
		puts("drsync " DRSYNC_VERSION);
	} else if (strcmp(word, "--man") == 0) {
		cmd_man(stdout);
	} else if (strcmp(word, "--completion") == 0) {
		if (argc > 2 && strcmp(argv[2], "bash") == 0)
			cmd_completion(stdout);
		else
			*rc = err_set(
			    err, ERR_USAGE, "usage: drsync --completion bash");
	} else {
		return false;
	}
	return true;
}
