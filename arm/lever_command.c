/*
 * A program of the operator's, without a shell.  It gets PATH, HOME, LANG and
 * TZ of ours, nothing else of our environment, and
 *
 *	DRSYNC_EVENT	promote, undo or check
 *	DRSYNC_ID	of the call: one that comes twice is one call
 *	DRSYNC_UNDOES	of an undo, the id of what it undoes
 *	DRSYNC_JOB	the job's name
 *
 * An exit status of 0 is success.  Of what it prints the end is told when it
 * fails.  A pull or undo ends when the output does: what it leaves running in
 * the background must have closed that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/process.h"
#include "base/redact.h"
#include "base/scope.h"
#include "base/xalloc.h"

#include "arm/lever_call.h"

#define TIMEOUT_DEFAULT_MS 60000
#define GRACE_MS	   2000
#define ARGUMENTS_MAX	   64
#define KEPT_MAX	   ((size_t)4 << 10) /* of the output, its end */
#define SHOWN_MAX	   200
#define LOOK_AGAIN_MS	   2000
#define ENV_MAX		   9

struct command_lever {
	struct lever base;
	cJSON *promote, *undo, *check; /* lists of arguments; check or NULL */
	int64_t timeout_ms;
};

static void
command_free(struct lever *l)
{
	struct command_lever *c = (struct command_lever *)l;

	cJSON_Delete(c->promote);
	cJSON_Delete(c->undo);
	cJSON_Delete(c->check);
	free(c);
}

static int
take_arguments(
    const cJSON *settings, const char *key, cJSON **out, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(settings, key);
	const cJSON *a;
	int n = cJSON_GetArraySize(list);

	if (!cJSON_IsArray(list) || n == 0 || n > ARGUMENTS_MAX)
		return err_set(err, ERR_USAGE,
		    "'%s' must be a list of a program and its arguments, at "
		    "most %d",
		    key, ARGUMENTS_MAX);
	cJSON_ArrayForEach(a, list)
	{
		if (!cJSON_IsString(a))
			return err_set(err, ERR_USAGE,
			    "an argument of '%s' is no text", key);
		if (lever_holds_secret(a->valuestring))
			return err_set(err, ERR_USAGE,
			    "an argument of '%s' holds a secret, which any "
			    "user of this machine could see",
			    key);
	}
	if (list->child->valuestring[0] != '/')
		return err_set(err, ERR_USAGE,
		    "'%s': '%.80s' is no program's whole path, from the root "
		    "on",
		    key, list->child->valuestring);
	*out = cJSON_Duplicate(list, true);
	return 0;
}

static int
command_init(struct command_lever *c, const cJSON *settings, struct err *err)
{
	if (take_arguments(settings, "command", &c->promote, err) != 0 ||
	    take_arguments(settings, "undo", &c->undo, err) != 0 ||
	    (cJSON_HasObjectItem(settings, "check") &&
		take_arguments(settings, "check", &c->check, err) != 0) ||
	    lever_opt_time(settings, "timeout", &c->timeout_ms, err) != 0)
		return -1;
	lever_set_name(&c->base, c->promote->child->valuestring);
	return 0;
}

static char *
variable(const char *name, const char *value)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	buf_addf(&b, "%s=%s", name, value);
	return buf_take(&b);
}

static void
fill_env(char *out[ENV_MAX], const struct lever_env *env,
    const struct lever_call *call, const char *event)
{
	static const char *const kept[] = {"PATH", "HOME", "LANG", "TZ"};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (getenv(kept[i]) != NULL)
			out[n++] = variable(kept[i], getenv(kept[i]));
	out[n++] = variable("DRSYNC_EVENT", event);
	out[n++] = variable("DRSYNC_ID", call->id);
	if (call->of[0] != '\0')
		out[n++] = variable("DRSYNC_UNDOES", call->of);
	out[n++] = variable("DRSYNC_JOB", env->job);
	out[n] = NULL;
}

/* All that comes, of which the end is kept. */
static int
read_output(
    int fd, const struct scope *scope, struct buf *kept, struct err *err)
{
	char piece[1024];
	ssize_t n;

	for (;;) {
		if (scope_wait_fd(scope, fd, POLLIN, err) != 0)
			return -1;
		n = read(fd, piece, sizeof(piece));
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(err, "its output");
		if (n <= 0)
			continue;
		if (kept->len + (size_t)n > KEPT_MAX)
			buf_consume(kept, kept->len + (size_t)n - KEPT_MAX);
		buf_add(kept, piece, (size_t)n);
	}
}

static const char *
last_line(struct buf *kept)
{
	char *p;

	while (kept->len > 0 && kept->data[kept->len - 1] == '\n')
		buf_truncate(kept, kept->len - 1);
	p = strrchr(kept->data, '\n');
	return p != NULL ? p + 1 : kept->data;
}

static int
failed(const char *program, int status, struct buf *kept, struct err *err)
{
	const char *line = last_line(kept);
	struct buf shown;

	buf_init(&shown, 2 * KEPT_MAX);
	redact(&shown, line);
	err_set(err, ERR_SERVER, "'%.150s' ended with %d%s%.*s", program,
	    status, shown.len > 0 ? ": " : "", SHOWN_MAX, shown.data);
	buf_release(&shown);
	return -1;
}

static int
start(pid_t *pid, const char *const argv[], char *const env[], int *out,
    struct err *err)
{
	struct process_opts opts = {.env = (const char *const *)env};
	int fds[2];
	int rc;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(err, "a pipe");
	/* Its end is a file like any other to the program. */
	fcntl(fds[1], F_SETFL, 0);
	opts.stdout_fd = opts.stderr_fd = fds[1];
	rc = process_start(pid, argv, &opts, err);
	close(fds[1]);
	if (rc == 0)
		*out = fds[0];
	else
		close(fds[0]);
	return rc;
}

static int
run(const char *const argv[], char *const env[], const struct scope *scope,
    int64_t timeout_ms, struct err *err)
{
	struct scope within = scope_within(scope, timeout_ms);
	struct buf kept;
	int status = 0, out = -1;
	pid_t pid;
	int rc;

	if (start(&pid, argv, env, &out, err) != 0)
		return -1;
	buf_init(&kept, KEPT_MAX);
	rc = read_output(out, &within, &kept, err);
	if (rc == 0)
		rc = process_wait(pid, &within, &status, err);
	if (rc != 0) {
		process_stop(pid, scope, GRACE_MS);
		err_in(err, "'%.150s' was stopped", argv[0]);
	} else if (status != 0) {
		rc = failed(argv[0], status, &kept, err);
	}
	close(out);
	buf_release(&kept);
	return rc;
}

static int
call_program(const struct command_lever *c, const cJSON *arguments,
    const struct lever_env *env, const struct scope *scope,
    const struct lever_call *call, const char *event, struct err *err)
{
	const char *argv[ARGUMENTS_MAX + 1];
	char *variables[ENV_MAX];
	const cJSON *a;
	size_t n = 0;
	int rc;

	cJSON_ArrayForEach(a, arguments)
	{
		argv[n++] = a->valuestring;
	}
	argv[n] = NULL;
	fill_env(variables, env, call, event);
	rc = run(argv, variables, scope, c->timeout_ms, err);
	for (char **v = variables; *v != NULL; v++)
		free(*v);
	return rc;
}

static int
check_program(const cJSON *arguments, struct err *err)
{
	const char *path = arguments->child->valuestring;

	if (access(path, X_OK) == 0)
		return 0;
	err_sys(err, "'%.150s' cannot be run", path);
	err->kind = ERR_USAGE;
	return -1;
}

static int
command_look(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct lever_view *view, struct err *err)
{
	struct command_lever *c = (struct command_lever *)l;
	const cJSON *arguments = way == LEVER_PULL ? c->promote : c->undo;
	const cJSON *a;
	struct buf then;
	int rc;

	(void)env;
	/* Before it is pulled, also that it could be undone. */
	if (check_program(arguments, err) != 0 ||
	    check_program(c->undo, err) != 0 ||
	    (c->check != NULL && check_program(c->check, err) != 0))
		return -1;
	buf_init(&then, KEPT_MAX);
	cJSON_ArrayForEach(a, arguments)
	{
		buf_addf(
		    &then, "%s%s", then.len > 0 ? " " : "", a->valuestring);
	}
	rc = lever_call_look(l, scope, way, note, then.data, view, err);
	buf_release(&then);
	return rc;
}

static int
command_move(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    bool *changed, struct err *err)
{
	struct command_lever *c = (struct command_lever *)l;
	struct lever_call call;

	if (lever_call_read(&call, way, note, err) != 0)
		return -1;
	if (env->still_ours != NULL &&
	    env->still_ours(env->still_ours_arg, err) != 0)
		return -1;
	*changed = true;
	return call_program(c, way == LEVER_PULL ? c->promote : c->undo, env,
	    scope, &call, call.event, err);
}

static int
command_check(struct lever *l, const struct lever_env *env,
    const struct scope *scope, enum lever_way way, const cJSON *note,
    struct err *err)
{
	struct command_lever *c = (struct command_lever *)l;
	struct lever_call call;
	struct err ended = {0};

	/* What it looks for was undone. */
	if (c->check == NULL || way == LEVER_UNDO)
		return scope_check(scope, err);
	if (lever_call_read(&call, way, note, err) != 0)
		return -1;
	while (
	    call_program(c, c->check, env, scope, &call, "check", err) != 0) {
		if (err->kind != ERR_SERVER)
			return -1;
		if (scope_sleep(scope, LOOK_AGAIN_MS, &ended) != 0)
			return -1;
		*err = (struct err){0};
	}
	return 0;
}

static struct lever *
command_parse(const cJSON *settings, struct err *err)
{
	struct command_lever *c = xcalloc(1, sizeof(*c));

	c->base.ops = &lever_command_ops;
	c->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (command_init(c, settings, err) == 0)
		return &c->base;
	lever_free(&c->base);
	return NULL;
}

static const char *const members[] = {"undo", "check", "timeout", NULL};

const struct lever_ops lever_command_ops = {
    .kind = "command",
    .blind = true,
    .members = members,
    .parse = command_parse,
    .free = command_free,
    .look = command_look,
    .move = command_move,
    .check = command_check,
};
