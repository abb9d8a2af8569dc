#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "base/redact.h"
#include "base/scope.h"

#include "agent/cmd/cmd.h"
#include "agent/cmd/cmd_help.h"
#include "agent/cmd/cmd_parse.h"
#include "agent/cmd/show.h"
#include "agent/cmd/wrap.h"
#include "agent/job/agent.h"
#include "agent/job/settings.h"

const struct cmd_flag cmd_common_flags[] = {
    {"config", "FILE", "configuration; default: /etc/drsync/drsync.json"},
    {"job", "NAME", "job of the configuration, or the name to use ad hoc"},
    {"json", NULL, "one JSON document on stdout"},
    {"quiet", NULL, "no progress"},
    {"help", NULL, "tell what the command does and takes"},
    {NULL, NULL, NULL},
};

const char *
cmd_flag(const struct cmd_call *c, const char *name)
{
	for (int i = 0; c->cmd->flags[i].name != NULL; i++)
		if (strcmp(c->cmd->flags[i].name, name) == 0)
			return c->flag_values[i];
	return NULL;
}

static sigset_t
stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

/* The first signal ends the run cleanly, the second at once. */
static void *
wait_for_signals(void *arg)
{
	sigset_t set = stop_signals();
	int sig;

	sigwait(&set, &sig);
	cancel_trigger(arg);
	sigwait(&set, &sig);
	fputs("drsync: ended at once; what is half done is undone by the "
	      "next run\n",
	    stderr);
	_exit(err_exit_status(ERR_CANCELLED));
	return NULL;
}

/* What signals trigger; their thread keeps it as long as the process. */
static struct cancel *
take_signals(struct err *err)
{
	struct cancel *cancel = cancel_new(NULL);
	sigset_t set = stop_signals();
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	errno = pthread_create(&thread, NULL, wait_for_signals, cancel);
	if (errno != 0) {
		err_sys(err, "a thread for signals");
		cancel_free(cancel);
		return NULL;
	}
	pthread_detach(thread);
	return cancel;
}

/* The one place where an error is told. */
static int
tell(const struct err *err, bool json)
{
	static const char prefix[] = "drsync: ";
	char text[sizeof(err->text) + 1024];
	struct buf shown;
	cJSON *o, *e;

	snprintf(text, sizeof(text), "%s", err->text);
	buf_init(&shown, sizeof(text));
	redact(&shown, text);
	/* Whoever catches it by a pipe wants it in one piece. */
	if (isatty(STDERR_FILENO) == 1)
		wrap_print(stderr, shown.data, (int)strlen(prefix),
		    fprintf(stderr, "%s", prefix));
	else
		fprintf(stderr, "%s%s\n", prefix, shown.data);
	if (json) {
		o = cJSON_CreateObject();
		e = cJSON_AddObjectToObject(o, "error");
		cJSON_AddStringToObject(e, "kind", err_kind_name(err->kind));
		cJSON_AddStringToObject(e, "text", shown.data);
		if (err->code[0] != '\0')
			cJSON_AddStringToObject(e, "code", err->code);
		if (err->request_id[0] != '\0')
			cJSON_AddStringToObject(
			    e, "request_id", err->request_id);
		show_json(o);
	}
	buf_release(&shown);
	return err_exit_status(err->kind);
}

static int
apply_settings(const struct cmd_line *l, struct settings *s, struct err *err)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO},
	    {"warn", LOG_WARN}, {"error", LOG_ERROR}};
	const char *level;

	for (int i = 0; i < l->nsettings; i++)
		if (settings_set(s, l->settings[i].option, l->settings[i].value,
			err) != 0)
			return -1;
	level = settings_str(s, OPT_LOG_LEVEL);
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].name, level) == 0)
			log_setup(levels[i].level,
			    strcmp(settings_str(s, OPT_LOG_FORMAT), "json") ==
				0,
			    STDERR_FILENO);
	return 0;
}

static int
run_call(struct cmd_line *l, struct err *err)
{
	struct cmd_call *c = &l->call;
	struct cancel *cancel;
	struct scope root, scope;
	int rc = -1;

	c->settings = settings_load(
	    c->config, c->job_given ? c->job : NULL, err);
	if (c->settings == NULL || apply_settings(l, c->settings, err) != 0)
		goto out;
	cancel = take_signals(err);
	if (cancel == NULL)
		goto out;
	root = scope_root(cancel);
	scope = scope_within(&root, settings_ms(c->settings, OPT_TIMEOUT));
	c->scope = &scope;
	c->line = progress_line_new(c->quiet || c->json);
	c->agent = agent_new(
	    c->settings, &scope, progress_line_progress(c->line));
	rc = c->cmd->run(c, err);
	agent_free(c->agent);
out:
	progress_line_free(c->line);
	settings_free(c->settings);
	return rc;
}

/* Asked before the rest is understood, which may fail. */
static bool
wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

static int
run_command(
    const struct cmd *cmd, int argc, char **argv, bool json, struct err *err)
{
	struct cmd_line line;
	int rc = cmd_parse(cmd, argc, argv, &line, err);

	if (rc == 0 && line.help) {
		cmd_help(cmd);
		return 0;
	}
	if (rc == 0)
		rc = run_call(&line, err);
	if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		rc = err_sys(err, "writing the answer to stdout");
	return rc == 0 ? 0 : tell(err, json && !line.call.told);
}

int
cmd_main(int argc, char **argv)
{
	struct err err = {0};
	const struct cmd *cmd;
	bool json = wants_json(argc, argv);
	int rc;

	process_fill_stdio();
	/* No core dump and no tracer sees the secrets in our memory. */
	prctl(PR_SET_DUMPABLE, 0);
	if (argc < 2) {
		cmd_help_all(stderr);
		return err_exit_status(ERR_USAGE);
	}
	if (cmd_help_wanted(argc, argv, &rc, &err))
		return rc == 0 ? 0 : tell(&err, json);
	cmd = cmd_find(argv[1], &err);
	if (cmd == NULL)
		return tell(&err, json);
	return run_command(cmd, argc - 2, argv + 2, json, &err);
}
