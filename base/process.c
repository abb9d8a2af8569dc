#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/xalloc.h"

#include "base/process.h"

#define KEPT	  4
#define KILLED_MS 5000 /* a disk that hangs may hold a killed process */

void
process_fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

/* "PATH=..." of ours, of those that are set. */
static void
scrubbed_env(char *env[KEPT + 1])
{
	static const char *const kept[KEPT] = {"PATH", "HOME", "LANG", "TZ"};
	size_t n = 0;

	for (size_t i = 0; i < KEPT; i++) {
		const char *value = getenv(kept[i]);
		size_t size;

		if (value == NULL)
			continue;
		size = strlen(kept[i]) + strlen(value) + 2;
		env[n] = xmalloc(size);
		snprintf(env[n++], size, "%s=%s", kept[i], value);
	}
	env[n] = NULL;
}

static int
set_actions(
    posix_spawn_file_actions_t *actions, const struct process_opts *opts)
{
	int fds[] = {opts->stdin_fd, opts->stdout_fd, opts->stderr_fd};
	int rc = 0;

	/* Others would be overwritten before they are duplicated. */
	for (int to = 0; to < 3 && rc == 0; to++) {
		assert(fds[to] == 0 || fds[to] > STDERR_FILENO);
		if (fds[to] != 0)
			rc = posix_spawn_file_actions_adddup2(
			    actions, fds[to], to);
		else if (to != STDERR_FILENO)
			rc = posix_spawn_file_actions_addopen(
			    actions, to, "/dev/null", O_RDWR, 0);
	}
	/* Also what some library opened without O_CLOEXEC. */
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, 3);
	return rc;
}

/* Ours are blocked in most threads, and a child would keep that.  By a group
 * of its own, what it starts can be stopped with it. */
static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr,
		    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			POSIX_SPAWN_SETPGROUP);
	return rc;
}

int
process_start(pid_t *pid, const char *const argv[],
    const struct process_opts *opts, struct err *err)
{
	static const struct process_opts none;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *scrubbed[KEPT + 1];
	char *const *env;
	int rc;

	if (opts == NULL)
		opts = &none;
	scrubbed_env(scrubbed);
	env = opts->env != NULL ? (char *const *)opts->env : scrubbed;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	rc = set_actions(&actions, opts);
	if (rc == 0)
		rc = set_attributes(&attr);
	if (rc == 0)
		rc = posix_spawnp(
		    pid, argv[0], &actions, &attr, (char *const *)argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	for (char **p = scrubbed; *p != NULL; p++)
		free(*p);
	if (rc != 0) {
		errno = rc;
		return err_sys(err, "starting '%s'", argv[0]);
	}
	return 0;
}

/* Until it has exited; it is not reaped. */
static int
wait_exit(pid_t pid, const struct scope *scope, struct err *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int rc;

	if (fd == -1)
		return err_sys(err, "process %d", (int)pid);
	rc = scope_wait_fd(scope, fd, POLLIN, err);
	close(fd);
	return rc;
}

static int
reap(pid_t pid, int *status, struct err *err)
{
	pid_t rc;
	int raw;

	do
		rc = waitpid(pid, &raw, 0);
	while (rc == -1 && errno == EINTR);
	if (rc == -1)
		return err_sys(err, "process %d", (int)pid);
	*status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
	return 0;
}

int
process_wait(pid_t pid, const struct scope *scope, int *status, struct err *err)
{
	if (wait_exit(pid, scope, err) != 0)
		return -1;
	return reap(pid, status, err);
}

void
process_stop(pid_t pid, const struct scope *scope, int grace_ms)
{
	/* Its own: the time to stop things is after a scope has ended. */
	struct scope root = scope_root(NULL), grace;
	struct err err;
	int status;

	assert(pid > 1);
	root.clock = scope->clock;
	grace = scope_within(&root, grace_ms);
	kill(-pid, SIGTERM);
	wait_exit(pid, &grace, &err);
	/* Until it is reaped, its number is no other group's. */
	kill(-pid, SIGKILL);
	grace = scope_within(&root, KILLED_MS);
	process_wait(pid, &grace, &status, &err);
}

int64_t
process_started(pid_t pid)
{
	char path[64], stat[1024], *p;
	long long started = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	/* Field 2, the name in parentheses, may hold anything. */
	p = fgets(stat, sizeof(stat), f) != NULL ? strrchr(stat, ')') : NULL;
	fclose(f);
	if (p == NULL || strncmp(p, ") Z", 3) == 0 || strncmp(p, ") X", 3) == 0)
		return 0; /* it has ended, and nobody has asked for its status */
	for (int field = 2; p != NULL && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p != NULL)
		started = strtoll(p, NULL, 10);
	return started;
}

/* Of this boot and pid namespace; "" when /proc does not tell. */
static void
process_world(char out[80])
{
	char boot[40] = "", ns[32] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	out[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(boot, sizeof(boot), f) != NULL && n > 0) {
		boot[strcspn(boot, "\n")] = '\0';
		ns[n] = '\0';
		snprintf(out, 80, "%s/%s", boot, ns);
	}
	fclose(f);
}

void
process_id(char out[PROCESS_ID_SIZE])
{
	char world[80];

	process_world(world);
	snprintf(out, PROCESS_ID_SIZE, "%s/%ld/%lld", world, (long)getpid(),
	    (long long)process_started(getpid()));
}

bool
process_id_gone(const char *id)
{
	char world[80];
	long long started;
	size_t n;
	long pid;

	process_world(world);
	n = strlen(world);
	if (n == 0 || strncmp(id, world, n) != 0 ||
	    sscanf(id + n, "/%ld/%lld", &pid, &started) != 2)
		return false;
	return process_started((pid_t)pid) != started;
}
