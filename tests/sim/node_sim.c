#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/process.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "tests/sim/temp_dir.h"

#include "tests/sim/node_sim.h"

#define START_MS   60000
#define STOP_MS	   10000
#define PATHS	   512
#define ANSWER_MAX ((size_t)64 << 10)

struct node_sim {
	const char *program;
	struct temp_dir dir;
	pid_t pid;
	int out;
	cJSON *told;
};

static void
write_config(const struct node_sim *s, const cJSON *config, char path[PATHS])
{
	char *text = cJSON_PrintUnformatted(config);
	FILE *f;

	snprintf(path, PATHS, "%s/config.json", s->dir.path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	cJSON_free(text);
}

/* It ends with us, however we end. */
static void
launch(struct node_sim *s, const char *config)
{
	const char *dir = getenv("DRSYNC_TESTS");
	struct process_opts how = {0};
	struct err err = {0};
	char node[PATHS], js[PATHS];
	const char *argv[] = {
	    "setpriv", "--pdeathsig", "TERM", node, js, config, NULL};
	int pipefd[2];

	dir = dir != NULL ? dir : "tests";
	snprintf(node, sizeof(node), "%s/node_modules/.bin/node", dir);
	snprintf(js, sizeof(js), "%s/sim/%s", dir, s->program);
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	how.stdout_fd = pipefd[1];
	if (process_start(&s->pid, argv, &how, &err) != 0)
		fail_msg("%s: %s", s->program, err.text);
	close(pipefd[1]);
	s->out = pipefd[0];
}

static cJSON *
read_line(struct node_sim *s)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, START_MS);
	struct err err = {0};
	struct buf line;
	cJSON *told;

	buf_init(&line, ANSWER_MAX);
	while (strchr(line.data, '\n') == NULL) {
		char part[4096];
		ssize_t n;

		if (scope_wait_fd(&scope, s->out, POLLIN, &err) != 0)
			fail_msg("%s: %s", s->program, err.text);
		n = read(s->out, part, sizeof(part));
		if (n <= 0)
			fail_msg("%s has ended", s->program);
		buf_add(&line, part, (size_t)n);
	}
	told = json_parse(line.data, line.len, ANSWER_MAX, false, &err);
	if (told == NULL)
		fail_msg("%s: %s", s->program, err.text);
	buf_release(&line);
	return told;
}

struct node_sim *
node_sim_start(const char *program, cJSON *config)
{
	struct node_sim *s = xcalloc(1, sizeof(*s));
	char path[PATHS];

	s->program = program;
	temp_dir_make(&s->dir);
	write_config(s, config, path);
	cJSON_Delete(config);
	launch(s, path);
	s->told = read_line(s);
	return s;
}

const cJSON *
node_sim_told(const struct node_sim *s)
{
	return s->told;
}

void
node_sim_stop(struct node_sim *s)
{
	struct scope scope = scope_root(NULL);

	if (s == NULL)
		return;
	process_stop(s->pid, &scope, STOP_MS);
	close(s->out);
	temp_dir_remove(&s->dir);
	cJSON_Delete(s->told);
	free(s);
}
