#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/digest.h"
#include "tests/sim/lever_rig.h"
#include "tests/sim/temp_dir.h"

#define HOOK "{'webhook': '{host}/hook', 'key': {'env': 'DRSYNC_TEST_KEY'}"
#define ID   "00000000000000000000000000000000"

static void
hook_up(struct lever_rig *r, const struct arm_step *steps, size_t n)
{
	setenv("DRSYNC_TEST_KEY", "SECRET-key", 1);
	lever_rig_up(r, steps, n);
	lever_rig_parse(r, HOOK ", 'timeout': '20s'}");
	assert_true(lever_is_blind(r->lever));
	lever_rig_looks(r, LEVER_PULL, 1);
}

/* Of the i-th request, over its time and body. */
static void
assert_signed(struct lever_rig *r, size_t i)
{
	const char *all = script_server_record(r->arm.server, i).data;
	const char *body = strstr(all, "\r\n\r\n") + 4;
	const char *t = strstr(all, "X-Drsync-Signature: t=") + 22;
	unsigned char mac[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b, "%.10s.%s", t, body);
	hmac_sha256("SECRET-key", 10, b.data, b.len, mac);
	hex_encode(mac, sizeof(mac), hex);
	assert_memory_equal(t + 10, ",v1=", 4);
	assert_memory_equal(t + 14, hex, strlen(hex));
	buf_release(&b);
}

static void
a_call_is_signed_and_tells_what_is_done(void **state)
{
	static const struct arm_step steps[] = {
	    {"POST /hook", 204, NULL, NULL, ARM_ANSWER},
	    {"POST /hook", 200, NULL, "ok", ARM_ANSWER},
	};
	struct lever_rig r;

	(void)state;
	hook_up(&r, steps, 2);
	assert_false(lever_rig_noted(&r, "SECRET"));
	lever_rig_moves(&r, LEVER_PULL, true);
	assert_int_equal(r.leaves, 1);
	arm_rig_sent(&r.arm, 0, "Idempotency-Key: " ID "\r\n");
	arm_rig_sent(&r.arm, 0,
	    "{\"format\":1,\"event\":\"promote\",\"id\":\"" ID
	    "\",\"job\":\"shop\",\"at_ms\":1795242469000}");
	assert_signed(&r, 0);
	lever_rig_holds(&r, LEVER_PULL);
	lever_rig_looks(&r, LEVER_UNDO, 1);
	lever_rig_moves(&r, LEVER_UNDO, true);
	arm_rig_sent(&r.arm, 1, "Idempotency-Key: " ID "-undo\r\n");
	arm_rig_sent(&r.arm, 1,
	    "\"event\":\"undo\",\"id\":\"" ID "-undo\",\"undoes\":\"" ID "\"");
	assert_signed(&r, 1);
	lever_rig_down(&r);
}

static void
until_it_is_taken_the_same_call_comes_again(void **state)
{
	static const struct arm_step steps[] = {
	    {.how = ARM_RESET},
	    {.status = 503},
	    {.status = 429, .headers = "Retry-After: 3\r\n"},
	    {.status = 202},
	};
	struct lever_rig r;

	(void)state;
	hook_up(&r, steps, 4);
	lever_rig_moves(&r, LEVER_PULL, true);
	for (size_t i = 0; i < 4; i++) {
		arm_rig_sent(&r.arm, i, "Idempotency-Key: " ID "\r\n");
		assert_signed(&r, i);
	}
	assert_true(r.arm.clock.slept_ms >= 3000);
	lever_rig_down(&r);
}

static void
what_is_refused_is_not_repeated(void **state)
{
	static const struct arm_step steps[] = {
	    {.status = 400},
	    {.status = 302, .headers = "Location: {host}/x\r\n"},
	    {.status = 401},
	    {.status = 503, .headers = "Retry-After: 100\r\n"},
	};
	struct lever_rig r;

	(void)state;
	hook_up(&r, steps, 4);
	arm_rig_fails(
	    &r.arm, lever_rig_move(&r, LEVER_PULL), ERR_SERVER, "400");
	assert_true(r.changed);
	arm_rig_fails(
	    &r.arm, lever_rig_move(&r, LEVER_PULL), ERR_SERVER, "302");
	arm_rig_fails(&r.arm, lever_rig_move(&r, LEVER_PULL), ERR_AUTH, "401");
	/* Beyond its time. */
	arm_rig_fails(
	    &r.arm, lever_rig_move(&r, LEVER_PULL), ERR_UNREACHABLE, "503");
	r.no_leave = true;
	arm_rig_fails(
	    &r.arm, lever_rig_move(&r, LEVER_PULL), ERR_LOCKED, "lease");
	lever_rig_down(&r);
}

static void
without_its_key_nothing_is_called(void **state)
{
	struct lever_rig r;

	(void)state;
	hook_up(&r, NULL, 0);
	unsetenv("DRSYNC_TEST_KEY");
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_USAGE,
	    "DRSYNC_TEST_KEY");
	arm_rig_fails(&r.arm, lever_rig_move(&r, LEVER_PULL), ERR_USAGE,
	    "DRSYNC_TEST_KEY");
	assert_false(r.changed);
	lever_rig_down(&r);
}

/* A program that a test writes, in a directory of its own. */
struct program {
	struct temp_dir dir;
	char path[300];
	char out[300];
	struct lever_rig r;
};

static void
program_up(struct program *p, const char *script, const char *more)
{
	char settings[1500];
	FILE *f;

	temp_dir_make(&p->dir);
	snprintf(p->path, sizeof(p->path), "%s/program", p->dir.path);
	snprintf(p->out, sizeof(p->out), "%s/out", p->dir.path);
	f = fopen(p->path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nout=%s\n%s\n", p->out, script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(p->path, 0700), 0);
	lever_rig_up(&p->r, NULL, 0);
	p->r.arm.scope.clock = &clock_system;
	snprintf(settings, sizeof(settings),
	    "{'command': ['%s', 'to', 'a b'], 'undo': ['%s', 'back']%s}",
	    p->path, p->path, more);
	lever_rig_parse(&p->r, settings);
}

static void
program_down(struct program *p)
{
	lever_rig_down(&p->r);
	temp_dir_remove(&p->dir);
}

static void
assert_wrote(struct program *p, const char *text)
{
	char found[4096] = "";
	FILE *f = fopen(p->out, "r");

	assert_non_null(f);
	found[fread(found, 1, sizeof(found) - 1, f)] = '\0';
	fclose(f);
	if (strstr(found, text) == NULL)
		fail_msg("no '%s' in '%s'", text, found);
}

static void
a_program_gets_its_arguments_and_nothing_of_ours(void **state)
{
	struct program p;

	(void)state;
	setenv("DRSYNC_TEST_KEY", "SECRET-key", 1);
	program_up(&p,
	    "echo $#,$1,$2 $DRSYNC_EVENT $DRSYNC_JOB $DRSYNC_UNDOES. >> $out\n"
	    "env >> $out",
	    "");
	lever_rig_looks(&p.r, LEVER_PULL, 1);
	lever_rig_moves(&p.r, LEVER_PULL, true);
	assert_wrote(&p, "2,to,a b promote shop .\n");
	lever_rig_moves(&p.r, LEVER_UNDO, true);
	assert_wrote(&p, "1,back, undo shop ");
	assert_wrote(&p, "PATH=");
	assert_int_equal(p.r.leaves, 2);
	{
		char found[8192] = "";
		FILE *f = fopen(p.out, "r");

		assert_non_null(f);
		found[fread(found, 1, sizeof(found) - 1, f)] = '\0';
		fclose(f);
		assert_null(strstr(found, "DRSYNC_TEST_KEY"));
	}
	program_down(&p);
}

static void
the_end_of_what_a_failing_program_says_is_told(void **state)
{
	struct program p;

	(void)state;
	program_up(&p,
	    "head -c 300000 /dev/zero | tr '\\0' x\n"
	    "echo; echo 'no such zone, password=SECRET' >&2; exit 3",
	    "");
	lever_rig_looks(&p.r, LEVER_PULL, 1);
	arm_rig_fails(&p.r.arm, lever_rig_move(&p.r, LEVER_PULL), ERR_SERVER,
	    "ended with 3: no such zone, password=[redacted]");
	program_down(&p);
}

static void
a_program_that_does_not_end_is_stopped(void **state)
{
	struct program p;

	(void)state;
	program_up(&p, "echo $$ > $out; exec sleep 1000", ", 'timeout': '1s'");
	lever_rig_looks(&p.r, LEVER_PULL, 1);
	arm_rig_fails(&p.r.arm, lever_rig_move(&p.r, LEVER_PULL),
	    ERR_UNREACHABLE, "was stopped");
	assert_true(p.r.changed);
	program_down(&p);
}

static void
a_check_is_made_again_until_it_succeeds(void **state)
{
	char more[400];
	struct program p;

	(void)state;
	program_up(&p, "echo x >> $out; test $(wc -l < $out) -eq 2", "");
	snprintf(more, sizeof(more),
	    "{'command': ['/bin/true'], 'undo': ['/bin/true'], 'check': "
	    "['%s']}",
	    p.path);
	lever_rig_parse(&p.r, more);
	lever_rig_looks(&p.r, LEVER_PULL, 1);
	lever_rig_holds(&p.r, LEVER_PULL);
	assert_wrote(&p, "x\nx\n");
	arm_rig_fails(&p.r.arm, lever_rig_check(&p.r, LEVER_PULL, 500),
	    ERR_SERVER, "ended with 1");
	program_down(&p);
}

static void
settings_that_are_none_are_refused(void **state)
{
	static const struct lever_wrong wrong[] = {
	    {"{'webhook': 'https://a.b/c'}", "'key'"},
	    {"{'webhook': 'https://a.b/c', 'key': 'SECRET'}", "by reference"},
	    {"{'webhook': 'http://a.b/c', 'key': {'env': 'X'}}",
		"is not https"},
	    {"{'webhook': 'https://u:SECRET@a.b/c', 'key': {'env': 'X'}}",
		"holds a secret"},
	    {"{'webhook': 'https://a.b/c?sig=SECRET', 'key': {'env': 'X'}}",
		"holds a secret"},
	    {HOOK ", 'timeout': 'x'}", "'timeout'"},
	    {HOOK ", 'timeout': '0s'}", "'timeout'"},
	    {"{'command': 'x', 'undo': ['/y']}", "'command' must be a list"},
	    {"{'command': [], 'undo': ['/y']}", "'command' must be a list"},
	    {"{'command': ['/x'] }", "'undo' must be a list"},
	    {"{'command': ['x'], 'undo': ['/y']}", "no program's whole path"},
	    {"{'command': ['/x', 1], 'undo': ['/y']}", "no text"},
	    {"{'command': ['/x', '--password=hunter2'], 'undo': ['/y']}",
		"holds a secret"},
	};
	struct lever_rig r;

	(void)state;
	LEVER_RIG_REFUSES(wrong);
	lever_rig_up(&r, NULL, 0);
	lever_rig_parse(&r, "{'command': ['/none'], 'undo': ['/none']}");
	arm_rig_fails(&r.arm, lever_rig_look(&r, LEVER_PULL), ERR_USAGE,
	    "'/none' cannot be run");
	lever_rig_down(&r);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_call_is_signed_and_tells_what_is_done),
	    cmocka_unit_test(until_it_is_taken_the_same_call_comes_again),
	    cmocka_unit_test(what_is_refused_is_not_repeated),
	    cmocka_unit_test(without_its_key_nothing_is_called),
	    cmocka_unit_test(a_program_gets_its_arguments_and_nothing_of_ours),
	    cmocka_unit_test(the_end_of_what_a_failing_program_says_is_told),
	    cmocka_unit_test(a_program_that_does_not_end_is_stopped),
	    cmocka_unit_test(a_check_is_made_again_until_it_succeeds),
	    cmocka_unit_test(settings_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
