#include <stdio.h>
#include <string.h>

#include "base/err.h"

#include "agent/cmd/cmd_parse.h"
#include "agent/job/nearest_name.h"
#include "agent/snapshot/snapshot_id.h"

static const char *
next_cmd(void *arg, size_t i)
{
	(void)arg;
	return cmds[i] != NULL ? cmds[i]->name : NULL;
}

const struct cmd *
cmd_find(const char *name, struct err *err)
{
	const char *near;

	for (size_t i = 0; cmds[i] != NULL; i++)
		if (strcmp(cmds[i]->name, name) == 0)
			return cmds[i];
	near = nearest_name(name, next_cmd, NULL);
	if (near != NULL)
		err_set(err, ERR_USAGE, "no command '%.40s'; is '%s' meant?",
		    name, near);
	else
		err_set(err, ERR_USAGE, "no command '%.40s'; see drsync --help",
		    name);
	return NULL;
}

static const struct cmd_flag *
find_flag(const struct cmd_flag *flags, const char *name, size_t len)
{
	for (; flags != NULL && flags->name != NULL; flags++)
		if (strlen(flags->name) == len &&
		    memcmp(flags->name, name, len) == 0)
			return flags;
	return NULL;
}

/* The options that a command takes, and those of the process. */
static bool
takes_option(const struct cmd *cmd, enum option o)
{
	if (options[o].global)
		return true;
	for (const enum option *p = cmd->options; p != NULL && *p != OPTIONS;
	     p++)
		if (*p == o)
			return true;
	return false;
}

struct flag_walk {
	const struct cmd *cmd;
};

static const char *
next_flag(void *arg, size_t i)
{
	const struct cmd *cmd = ((const struct flag_walk *)arg)->cmd;

	for (size_t k = 0; cmd_common_flags[k].name != NULL; k++)
		if (i-- == 0)
			return cmd_common_flags[k].name;
	for (size_t k = 0; cmd->flags != NULL && cmd->flags[k].name != NULL;
	     k++)
		if (i-- == 0)
			return cmd->flags[k].name;
	for (int o = 0; o < OPTIONS; o++)
		if (takes_option(cmd, (enum option)o) && i-- == 0)
			return options[o].flag;
	return NULL;
}

static int
unknown_flag(const struct cmd *cmd, const char *name, struct err *err)
{
	struct flag_walk w = {cmd};
	const char *near = nearest_name(name, next_flag, &w);

	if (option_by_flag(name) >= 0)
		return err_set(err, ERR_USAGE,
		    "'drsync %s' has no use for --%s", cmd->name, name);
	if (near != NULL)
		return err_set(err, ERR_USAGE,
		    "no option --%.40s; is --%s meant?", name, near);
	return err_set(err, ERR_USAGE,
	    "no option --%.40s; see drsync %s --help", name, cmd->name);
}

static int
take_common(
    struct cmd_line *l, const char *name, const char *value, struct err *err)
{
	struct cmd_call *c = &l->call;

	if (strcmp(name, "help") == 0) {
		l->help = true;
	} else if (strcmp(name, "json") == 0) {
		c->json = true;
	} else if (strcmp(name, "quiet") == 0) {
		c->quiet = true;
	} else if (strcmp(name, "config") == 0) {
		c->config = value;
	} else {
		c->job = value;
		c->job_given = true;
		return job_name_check(value, err);
	}
	return 0;
}

static int
take_setting(
    struct cmd_line *l, enum option o, const char *value, struct err *err)
{
	if (l->nsettings == CMD_SETTINGS_MAX)
		return err_set(err, ERR_USAGE, "too many options");
	l->settings[l->nsettings++] = (struct cmd_setting){o, value};
	return 0;
}

/* One flag and, when it takes one, its value; *used more words were taken. */
static int
take_flag(struct cmd_line *l, const char *word, const char *next_word,
    int *used, struct err *err)
{
	const struct cmd *cmd = l->call.cmd;
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct cmd_flag *common = find_flag(cmd_common_flags, word, len);
	const struct cmd_flag *own = find_flag(cmd->flags, word, len);
	const char *value = equals != NULL ? equals + 1 : next_word;
	char name[64];
	bool takes;
	int o;

	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), word);
	o = option_by_flag(name);
	if (common == NULL && own == NULL &&
	    (o < 0 || !takes_option(cmd, (enum option)o)))
		return unknown_flag(cmd, name, err);
	takes = common != NULL ? common->arg != NULL
	    : own != NULL      ? own->arg != NULL
			       : true;
	if (!takes && equals != NULL)
		return err_set(err, ERR_USAGE, "--%s takes no value", name);
	if (takes && value == NULL)
		return err_set(err, ERR_USAGE, "--%s needs a value", name);
	*used = takes && equals == NULL;
	if (common != NULL)
		return take_common(l, name, value, err);
	if (own != NULL) {
		l->call.flag_values[own - cmd->flags] = takes ? value : "";
		return 0;
	}
	return take_setting(l, (enum option)o, value, err);
}

int
cmd_parse(const struct cmd *cmd, int argc, char **argv, struct cmd_line *l,
    struct err *err)
{
	struct cmd_call *c = &l->call;
	bool flags = true;
	int used;

	memset(l, 0, sizeof(*l));
	c->cmd = cmd;
	c->job = "default";
	for (int i = 0; i < argc; i++) {
		const char *word = argv[i];

		used = 0;
		if (flags && strcmp(word, "--") == 0) {
			flags = false;
		} else if (flags && strncmp(word, "--", 2) == 0) {
			if (take_flag(l, word + 2,
				i + 1 < argc ? argv[i + 1] : NULL, &used,
				err) != 0)
				return -1;
			i += used;
		} else if (flags && strcmp(word, "-h") == 0) {
			l->help = true;
		} else if (flags && word[0] == '-' && word[1] != '\0') {
			return err_set(err, ERR_USAGE,
			    "no option '%.40s'; options have two dashes", word);
		} else if (c->nargs == cmd->most_args) {
			return err_set(err, ERR_USAGE,
			    "'%.80s' is too much; usage: drsync %s%s%s", word,
			    cmd->name, cmd->args[0] != '\0' ? " " : "",
			    cmd->args);
		} else {
			c->args[c->nargs++] = word;
		}
	}
	if (!l->help && c->nargs < cmd->least_args)
		return err_set(err, ERR_USAGE, "usage: drsync %s %s", cmd->name,
		    cmd->args);
	return 0;
}
