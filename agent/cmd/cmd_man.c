#include <string.h>

#include "agent/cmd/cmd.h"
#include "agent/cmd/cmd_help.h"

/*
 * Text for roff: a sentence a line, a paragraph for each line of ours; a
 * leading dot or quote, and backslashes and hyphens, are escaped.
 */
static void
roff(FILE *out, const char *s)
{
	bool line_starts = true;

	for (; *s != '\0'; s++) {
		if (line_starts && (*s == '.' || *s == '\''))
			fputs("\\&", out);
		line_starts = false;
		if (s[0] == '.' && s[1] == ' ') {
			fputs(".\n", out);
			s++;
			line_starts = true;
		} else if (*s == '\n') {
			fputs("\n.Pp\n", out);
			line_starts = true;
		} else if (*s == '\\') {
			fputs("\\e", out);
		} else if (*s == '-') {
			fputs("\\-", out);
		} else {
			fputc(*s, out);
		}
	}
	fputc('\n', out);
}

static void
man_flag(FILE *out, const char *name, const char *arg, const char *help,
    const char *fallback)
{
	fprintf(out, ".It Fl -%s", name);
	if (arg != NULL)
		fprintf(out, " Ar %s", arg);
	fputc('\n', out);
	roff(out, help);
	if (fallback != NULL)
		fprintf(out, "(default:\n.Ql %s )\n", fallback);
}

static void
man_command(FILE *out, const struct cmd *cmd)
{
	fprintf(out, ".Ss drsync %s%s%s\n", cmd->name,
	    cmd->args[0] != '\0' ? " " : "", cmd->args);
	roff(out, cmd->text);
	if (cmd->flags == NULL || cmd->flags[0].name == NULL)
		return;
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct cmd_flag *f = cmd->flags; f->name != NULL; f++)
		man_flag(out, f->name, f->arg, f->help, NULL);
	fputs(".El\n", out);
}

static void
man_options(FILE *out, bool global)
{
	char env[64];

	fputs(".Bl -tag -width Ds\n", out);
	if (global)
		for (const struct cmd_flag *f = cmd_common_flags;
		     f->name != NULL; f++)
			man_flag(out, f->name, f->arg, f->help, NULL);
	for (int o = 0; o < OPTIONS; o++) {
		if (options[o].global != global)
			continue;
		man_flag(out, options[o].flag, options[o].arg, options[o].help,
		    options[o].fallback);
		option_env((enum option)o, env);
		fprintf(out,
		    "Configuration:\n.Ql %s ;\nenvironment:\n.Ev %s .\n",
		    options[o].key, env);
	}
	fputs(".El\n", out);
}

void
cmd_man(FILE *out)
{
	fputs(".Dd November 21, 2026\n.Dt DRSYNC 1\n.Os\n.Sh NAME\n"
	      ".Nm drsync\n.Nd disaster recovery for Redis on Azure, proved\n"
	      ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n"
	      ".Sh DESCRIPTION\n.Nm\nkeeps a second region ready: it takes a "
	      "consistent snapshot of a Redis, proves it in flight, compresses "
	      "it into a store in the source region, copies it to the DR "
	      "region, loads it into the DR Redis, and proves that the two "
	      "hold the same.\n.Sh COMMANDS\n",
	    out);
	for (size_t i = 0; cmds[i] != NULL; i++)
		man_command(out, cmds[i]);
	fputs(".Sh OPTIONS OF EVERY COMMAND\n", out);
	man_options(out, true);
	fputs(
	    ".Sh SETTINGS OF A JOB\nREF is\n.Ql env:NAME ,\n.Ql "
	    "file:PATH\nor\n.Ql keyvault:URL :\nsecrets are never given on the command line.\n",
	    out);
	man_options(out, false);
	fputs(".Sh FILES\n.Bl -tag -width Ds\n"
	      ".It Pa /etc/drsync/drsync.json\nthe configuration\n"
	      ".It Pa /var/lib/drsync\nthe ledger\n.El\n"
	      ".Sh EXIT STATUS\n.Bl -tag -width 130 -compact\n"
	      ".It 0\ndone\n"
	      ".It 1\nfailed, also by an error that a server or a service "
	      "answered\n.It 2\nusage or configuration\n"
	      ".It 3\nrefused by a guard of drsync's own\n"
	      ".It 4\nverification failed\n"
	      ".It 5\nsomeone else holds the lock\n"
	      ".It 6\nauthentication or authorization\n"
	      ".It 7\nunreachable in time\n.It 130\ninterrupted\n.El\n",
	    out);
}

static void
complete_command(FILE *out, const struct cmd *cmd)
{
	fprintf(out, "\t%s)\n\t\twords='", cmd->name);
	for (const struct cmd_flag *f = cmd->flags;
	     f != NULL && f->name != NULL; f++)
		fprintf(out, "--%s ", f->name);
	for (const enum option *o = cmd->options; o != NULL && *o != OPTIONS;
	     o++)
		fprintf(out, "--%s ", options[*o].flag);
	for (const struct cmd_flag *f = cmd_common_flags; f->name != NULL; f++)
		fprintf(out, "--%s ", f->name);
	for (int o = 0; o < OPTIONS; o++)
		if (options[o].global)
			fprintf(out, "--%s ", options[o].flag);
	fputs("' ;;\n", out);
}

void
cmd_completion(FILE *out)
{
	fputs("# bash completion of drsync, made by drsync --completion bash\n"
	      "_drsync()\n{\n\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='help",
	    out);
	for (size_t i = 0; cmds[i] != NULL; i++)
		fprintf(out, " %s", cmds[i]->name);
	fputs("'\n\telse\n\tcase ${COMP_WORDS[1]} in\n", out);
	for (size_t i = 0; cmds[i] != NULL; i++)
		complete_command(out, cmds[i]);
	fputs("\tesac\n\tfi\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	      "\t[ \"${#COMPREPLY[@]}\" -gt 0 ] || compopt -o default\n}\n"
	      "complete -F _drsync drsync\n",
	    out);
}
