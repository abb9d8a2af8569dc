#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sim/temp_dir.h"
#include "tests/sim/token_rig.h"

/* What is sent only where the file may be shown. */
#define KEY "secret-key"

struct ground {
	struct temp_dir dir;
	char tokens[300]; /* the agent's directory */
	struct token_rig r;
	char challenge[700];
	struct token_step steps[2];
};

static void
put(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

/* With a key in it; its end that keeps it open. */
static int
put_pipe(const char *path)
{
	int fd;

	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	assert_int_equal(write(fd, KEY, strlen(KEY)), strlen(KEY));
	return fd;
}

static void
in_tokens(const struct ground *g, const char *name, char path[400])
{
	snprintf(path, 400, "%s/%s", g->tokens, name);
}

/* The server's first answer is the challenge; realm is behind the directory's
 * path, or with '=' all of it. */
static void
ground_up(struct ground *g, const char *realm, size_t steps)
{
	char path[400];

	temp_dir_make(&g->dir);
	snprintf(g->tokens, sizeof(g->tokens), "%s/tokens", g->dir.path);
	assert_int_equal(mkdir(g->tokens, 0700), 0);
	in_tokens(g, "good.key", path);
	put(path, KEY "\n", sizeof(KEY));
	snprintf(g->challenge, sizeof(g->challenge),
	    "WWW-Authenticate: Basic realm=%s%s\r\n",
	    realm[0] == '=' ? "" : g->tokens,
	    realm[0] == '=' ? realm + 1 : realm);
	g->steps[0] = (struct token_step){401, g->challenge, ""};
	g->steps[1] = (struct token_step){200, NULL, IMDS_TOKEN};
	token_rig_up(&g->r, g->steps, steps);
	token_rig_env(&g->r, "IDENTITY_ENDPOINT",
	    "/metadata/identity/oauth2/token", NULL);
	token_rig_env(&g->r, "IMDS_ENDPOINT", "", NULL);
	if (token_rig_open(
		&g->r, (struct identity_opts){.arc_dir = g->tokens}) != 0)
		fail_msg("%s", g->r.err.text);
}

static void
ground_down(struct ground *g)
{
	token_rig_down(&g->r);
	temp_dir_remove(&g->dir);
}

static void
the_challenge_is_shown_to_the_agent(void **state)
{
	struct ground g;

	(void)state;
	ground_up(&g, "/good.key", 2);
	token_rig_ok(&g.r);
	token_rig_sent(&g.r, 0,
	    "GET /metadata/identity/oauth2/token?api-version=2020-06-01"
	    "&resource=https%3A%2F%2Fstorage.azure.com%2F HTTP/1.1\r\n");
	token_rig_sent(&g.r, 0, "Metadata: true\r\n");
	token_rig_sent(&g.r, 1, "Metadata: true\r\n");
	token_rig_sent(&g.r, 1, "Authorization: Basic " KEY "\r\n");
	ground_down(&g);
}

static void
no_other_file_is_shown(void **state)
{
	static const char *const realms[] = {"=/etc/hostname.key",
	    "=/etc/passwd", "/../good.key", "/../tokens/good.key",
	    "/sub/good.key", "/good.txt", "/.key", "/.hidden.key", "=",
	    "2/good.key", "2good.key", "/linked.key"};

	(void)state;
	for (size_t i = 0; i < sizeof(realms) / sizeof(realms[0]); i++) {
		char path[400], target[400];
		struct ground g;

		ground_up(&g, realms[i], 1);
		snprintf(path, sizeof(path), "%s/good.key", g.dir.path);
		put(path, KEY, strlen(KEY));
		snprintf(path, sizeof(path), "%s2", g.tokens);
		assert_int_equal(mkdir(path, 0700), 0);
		snprintf(path, sizeof(path), "%s2/good.key", g.tokens);
		put(path, KEY, strlen(KEY));
		in_tokens(&g, "sub", path);
		assert_int_equal(mkdir(path, 0700), 0);
		in_tokens(&g, "sub/good.key", path);
		put(path, KEY, strlen(KEY));
		in_tokens(&g, "good.txt", path);
		put(path, KEY, strlen(KEY));
		in_tokens(&g, ".hidden.key", path);
		put(path, KEY, strlen(KEY));
		in_tokens(&g, "good.key", target);
		in_tokens(&g, "linked.key", path);
		assert_int_equal(symlink(target, path), 0);
		token_rig_fails(&g.r, ERR_AUTH, "(Azure Arc)");
		ground_down(&g);
	}
}

static void
a_file_that_is_no_challenge_is_not_shown(void **state)
{
	static char big[4097];

	(void)state;
	memset(big, 'k', sizeof(big));
	for (int i = 0; i < 4; i++) {
		struct ground g;
		char path[400];
		int fd = -1;

		ground_up(&g, "/odd.key", 1);
		in_tokens(&g, "odd.key", path);
		if (i == 0)
			put(path, big, sizeof(big));
		else if (i == 1)
			put(path, "", 0);
		else if (i == 2)
			fd = put_pipe(path);
		else
			assert_int_equal(mkdir(path, 0700), 0);
		token_rig_fails(&g.r, ERR_AUTH, "1 to 4096 bytes");
		if (fd != -1)
			close(fd);
		ground_down(&g);
	}
}

static void
the_largest_challenge_is_shown(void **state)
{
	static char big[4096];
	struct ground g;
	char path[400];

	(void)state;
	memset(big, 'k', sizeof(big));
	ground_up(&g, "/big.key", 2);
	in_tokens(&g, "big.key", path);
	put(path, big, sizeof(big));
	token_rig_ok(&g.r);
	ground_down(&g);
}

static void
a_challenge_that_is_not_there_is_told(void **state)
{
	struct ground g;

	(void)state;
	ground_up(&g, "/gone.key", 1);
	token_rig_fails(&g.r, ERR_AUTH, "gone.key': No such file");
	ground_down(&g);
}

static void
an_answer_without_a_challenge_is_a_refusal(void **state)
{
	struct ground g;

	(void)state;
	ground_up(&g, "/good.key", 1);
	g.steps[0].headers = NULL;
	token_rig_fails(&g.r, ERR_AUTH, "no challenge of its own");
	ground_down(&g);
}

/* Shown once, it is not shown again. */
static void
a_challenge_that_was_refused_is_an_end(void **state)
{
	struct ground g;

	(void)state;
	ground_up(&g, "/good.key", 2);
	g.steps[1] = (struct token_step){
	    401, g.challenge, "{\"error\":\"unauthorized\"}"};
	token_rig_fails(&g.r, ERR_AUTH, "answered 401 unauthorized");
	ground_down(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_challenge_is_shown_to_the_agent),
	    cmocka_unit_test(no_other_file_is_shown),
	    cmocka_unit_test(a_file_that_is_no_challenge_is_not_shown),
	    cmocka_unit_test(the_largest_challenge_is_shown),
	    cmocka_unit_test(a_challenge_that_is_not_there_is_told),
	    cmocka_unit_test(an_answer_without_a_challenge_is_a_refusal),
	    cmocka_unit_test(a_challenge_that_was_refused_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
