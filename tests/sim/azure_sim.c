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
#include "base/http.h"
#include "base/json.h"
#include "base/process.h"
#include "base/scope.h"
#include "base/xalloc.h"
#include "tests/sim/azurite.h"
#include "tests/sim/temp_dir.h"

#include "tests/sim/azure_sim.h"

#define START_MS   60000
#define STOP_MS	   10000
#define PATHS	   512
#define ANSWER_MAX ((size_t)64 << 10)

struct azure_sim {
	struct temp_dir dir;
	pid_t pid;
	int out;
	cJSON *told;
};

void
azure_sim_require(void)
{
	azurite_require();
}

static void
write_config(const struct azure_sim *s, const cJSON *config, char path[PATHS])
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
launch(struct azure_sim *s, const char *config)
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
	snprintf(js, sizeof(js), "%s/sim/azure/main.mjs", dir);
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	how.stdout_fd = pipefd[1];
	if (process_start(&s->pid, argv, &how, &err) != 0)
		fail_msg("the stand-in for Azure: %s", err.text);
	close(pipefd[1]);
	s->out = pipefd[0];
}

static cJSON *
read_line(struct azure_sim *s)
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
			fail_msg("the stand-in for Azure: %s", err.text);
		n = read(s->out, part, sizeof(part));
		if (n <= 0)
			fail_msg("the stand-in for Azure has ended");
		buf_add(&line, part, (size_t)n);
	}
	told = json_parse(line.data, line.len, ANSWER_MAX, false, &err);
	if (told == NULL)
		fail_msg("the stand-in for Azure: %s", err.text);
	buf_release(&line);
	return told;
}

struct azure_sim *
azure_sim_start(cJSON *config)
{
	struct azure_sim *s = xcalloc(1, sizeof(*s));
	char path[PATHS];

	temp_dir_make(&s->dir);
	write_config(s, config, path);
	cJSON_Delete(config);
	launch(s, path);
	s->told = read_line(s);
	return s;
}

const cJSON *
azure_sim_told(const struct azure_sim *s)
{
	return s->told;
}

const char *
azure_sim_url(const struct azure_sim *s, const char *name)
{
	const char *url = NULL;
	const cJSON *urls;
	struct err err = {0};

	if (json_get_object(s->told, "urls", &urls, &err) != 0 ||
	    json_get_str(urls, name, &url, &err) != 0)
		fail_msg("%s", err.text);
	return url;
}

/* What it kept under that name is an empty list. */
static void
assert_none(const struct azure_sim *s, struct http *http, const char *what)
{
	struct scope root = scope_root(NULL);
	struct scope scope = scope_within(&root, STOP_MS);
	struct http_request request = {.method = "GET"};
	struct http_response response = {0};
	struct err err = {0};
	struct buf url;

	buf_init(&url, 256);
	buf_addf(&url, "%s/%s", azure_sim_url(s, "control"), what);
	request.url = buf_take(&url);
	if (http_do(http, &scope, &request, &response, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(response.status, 200);
	assert_string_equal(response.body.data, "[]\n");
	http_request_release(&request);
	http_response_release(&response);
}

void
azure_sim_stop(struct azure_sim *s)
{
	static const struct http_opts none;
	struct scope scope = scope_root(NULL);
	struct err err = {0};
	struct http *http;

	if (s == NULL)
		return;
	http = http_new(&none, &err);
	assert_non_null(http);
	assert_none(s, http, "violations");
	assert_none(s, http, "unfair");
	assert_none(s, http, "broken");
	http_free(http);
	process_stop(s->pid, &scope, STOP_MS);
	close(s->out);
	temp_dir_remove(&s->dir);
	cJSON_Delete(s->told);
	free(s);
}
